//! What one run of the program has at hand: where it writes, and where its settings come from.

use std::path::PathBuf;

use osapi_settings::{Environment, Layer};

use crate::arguments::Global;
use crate::failure::Failure;
use crate::printer::{Format, Printer};
use crate::settings::{Need, Settings, Sources};

/// One run of the program.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) printer: Printer,
    pub(crate) environment: Environment,
    sources: Sources,
}

impl Session {
    /// A run with these flags.
    pub(crate) fn new(global: &Global, environment: Environment) -> Self {
        let format = if global.json { Format::Json } else { global.format.unwrap_or_default() };
        let printer = Printer::new(format, global.color, &environment);
        let printer = Printer { headers: !global.no_headers, quiet: global.quiet, ..printer };
        let flags = Layer::new().with_some("debug", global.debug.then_some("true"), "--debug");
        let file = global.osapi_file.clone().or_else(|| environment.get("OSAPI_OSAPIFILE").map(PathBuf::from));
        let sources = Sources { file, flags, context: Layer::new(), environment: environment.clone() };
        Self { printer, environment, sources }
    }

    /// The same run with another configuration file.
    pub(crate) fn with_file(&self, file: PathBuf) -> Self {
        let sources = Sources { file: Some(file), ..self.sources.clone() };
        Self { printer: self.printer.clone(), environment: self.environment.clone(), sources }
    }

    /// The settings, with what further flags say.
    pub(crate) fn settings(&self, need: Need) -> Result<Settings, Failure> {
        self.settings_with(need, Ok)
    }

    /// The settings, after changing where they come from.
    pub(crate) fn settings_with(
        &self,
        need: Need,
        change: impl FnOnce(Sources) -> Result<Sources, Failure>,
    ) -> Result<Settings, Failure> {
        let settings = Settings::load(change(self.sources.clone())?, need)?;
        for line in settings.without_effect() {
            self.printer.warn(&line);
        }
        Ok(settings)
    }
}
