//! How a job is shown while it goes on: a line for each host on a terminal, a line for each event elsewhere.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use osapi_core::job::{JobDetail, JobEvent, JobEventKind};
use osapi_core::{HostName, HostStatus, JobId};

use crate::printer::{Format, Printer};
use crate::render;
use crate::terminal::Modes;

/// How many hosts have a line of their own; the others are counted.
const LINES: usize = 12;

/// What is shown of a job under way.
pub(crate) struct View {
    printer: Printer,
    /// Absent where nothing can be redrawn.
    live: Option<Live>,
}

struct Live {
    _modes: Option<Modes>,
    bars: MultiProgress,
    head: ProgressBar,
    job: JobId,
    hosts: RefCell<BTreeMap<HostName, (HostStatus, ProgressBar)>>,
}

impl View {
    pub(crate) fn new(printer: &Printer, job: JobId) -> Self {
        let live =
            (printer.live && !printer.quiet && matches!(printer.format, Format::Table | Format::Wide)).then(|| {
                let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
                let head = bars.add(ProgressBar::new_spinner());
                head.set_style(style("{spinner} {msg} ({elapsed})"));
                head.enable_steady_tick(Duration::from_millis(120));
                Live { _modes: Modes::without_control_echo(), bars, head, job, hosts: RefCell::default() }
            });
        Self { printer: printer.clone(), live }
    }

    /// Where every host stands, as the job itself tells.
    pub(crate) fn hosts(&self, job: &JobDetail) {
        let Some(live) = &self.live else { return };
        for row in &job.results {
            live.set(&row.hostname, row.status, None);
        }
        live.count();
    }

    /// Something happened.
    pub(crate) fn event(&self, event: &JobEvent) {
        if self.printer.format == Format::Jsonl {
            // A reader that has gone away is noticed at the end.
            let _ = serde_json::to_string(event).map(|line| self.printer.data(&line));
            return;
        }
        let Some(live) = &self.live else {
            self.printer.say(&render::event_line(event));
            return;
        };
        let Some(host) = &event.hostname else { return };
        let status = match event.event {
            JobEventKind::Acknowledged | JobEventKind::Submitted | JobEventKind::Retried => HostStatus::Acknowledged,
            JobEventKind::Started | JobEventKind::Progress => HostStatus::Running,
            JobEventKind::Completed => HostStatus::Ok,
            JobEventKind::Failed => HostStatus::Failed,
            JobEventKind::Cancelled => HostStatus::Cancelled,
            JobEventKind::Expired => HostStatus::Expired,
            JobEventKind::Interrupted => HostStatus::Interrupted,
        };
        let words = event.error.as_ref().map(|error| error.message.as_str()).or(event.message.as_deref());
        live.set(host, status, words);
        live.count();
    }

    /// Says something above the lines.
    pub(crate) fn say(&self, text: &str) {
        match &self.live {
            // A terminal that is gone hears nothing.
            Some(live) => drop(live.bars.println(text)),
            None => self.printer.say(text),
        }
    }

    /// Takes the lines off the screen, so that what came of it can be printed.
    pub(crate) fn clear(&self) {
        if let Some(live) = &self.live {
            live.head.finish_and_clear();
            // A terminal that is gone needs no clearing.
            let _ = live.bars.clear();
        }
    }
}

impl Live {
    fn set(&self, host: &HostName, status: HostStatus, words: Option<&str>) {
        let mut hosts = self.hosts.borrow_mut();
        let shown = hosts.len();
        let (known, bar) = hosts.entry(host.clone()).or_insert_with(|| {
            let bar = if shown < LINES { self.bars.add(ProgressBar::new_spinner()) } else { ProgressBar::hidden() };
            bar.set_style(style("  {prefix:24.cyan} {msg}"));
            bar.set_prefix(host.to_string());
            (status, bar)
        });
        *known = status;
        let words = words.map(|words| format!(": {words}")).unwrap_or_default();
        bar.set_message(format!("{status}{words}"));
    }

    fn count(&self) {
        let hosts = self.hosts.borrow();
        let done = hosts.values().filter(|(status, _)| status.is_final()).count();
        let counted = match hosts.len() {
            0 => "waiting for a worker".to_owned(),
            all => format!("{done} of {all} done"),
        };
        let hidden = hosts.len().saturating_sub(LINES);
        let hidden = if hidden > 0 { format!(", {hidden} hosts not shown") } else { String::new() };
        self.head.set_message(format!("job {}: {counted}{hidden}; Ctrl-C detaches", self.job));
    }
}

/// One line that says how a job ended.
pub(crate) fn summary(job: &JobDetail, printer: &Printer) -> String {
    let state = printer.talk_styled(render::state_colour(job.status), job.status.as_str());
    format!("job {} {state} in {}", job.id, render::taken(job))
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a template written in the program is well formed")
}
