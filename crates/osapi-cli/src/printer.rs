//! Where a command writes: data to stdout, talk to stderr, in the form that was asked for.

use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;
use osapi_settings::Environment;

use crate::failure::Failure;

/// How data is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people.
    #[default]
    Table,
    /// A table with every column.
    Wide,
    /// The API's answer, untouched.
    Json,
    /// The API's answer as YAML.
    Yaml,
    /// One JSON object a line: an item of a list, a row of a result.
    Jsonl,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where and how a command writes.
#[derive(Clone, Debug)]
pub(crate) struct Printer {
    pub(crate) format: Format,
    pub(crate) headers: bool,
    pub(crate) quiet: bool,
    /// Colours on stdout.
    pub(crate) colour: bool,
    /// Colours on stderr.
    pub(crate) talk_colour: bool,
    /// Columns of the terminal on stdout; absent where there is none.
    pub(crate) width: Option<u16>,
    /// Whether stderr is a terminal, so that progress may be drawn and redrawn.
    pub(crate) live: bool,
    /// Whether a person is there to answer a question.
    pub(crate) interactive: bool,
}

/// A style of text on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Bold,
    Dim,
    Green,
    Yellow,
    Red,
    Cyan,
}

impl Printer {
    /// A printer for this process's streams.
    pub(crate) fn new(format: Format, colour: Colour, environment: &Environment) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let dumb = environment.get("NO_COLOR").is_some() || environment.get("TERM") == Some("dumb");
        let coloured = |terminal: bool| match colour {
            Colour::Auto => terminal && !dumb,
            Colour::Always => true,
            Colour::Never => false,
        };
        let columns = || {
            let size = rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col);
            size.filter(|columns| *columns > 0)
        };
        Self {
            format,
            headers: true,
            quiet: false,
            colour: coloured(out),
            talk_colour: coloured(err),
            width: if out { columns() } else { None },
            live: err && !dumb_terminal(environment),
            interactive: io::stdin().is_terminal() && err,
        }
    }

    /// Writes data: the text and a line end. A reader who has gone away ends the command silently.
    pub(crate) fn data(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let written =
            out.write_all(text.as_bytes()).and_then(|()| out.write_all(end.as_bytes())).and_then(|()| out.flush());
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::silent(),
            _ => Failure::usage(format!("cannot write to stdout: {error}")),
        })
    }

    /// Says something to the person, unless told to be quiet.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.tell(text);
        }
    }

    /// Puts a question to the person; the cursor stays behind it.
    pub(crate) fn ask(&self, question: &str) {
        let mut err = io::stderr().lock();
        let _ = write!(err, "{question}").and_then(|()| err.flush());
    }

    /// Warns.
    pub(crate) fn warn(&self, text: &str) {
        self.tell(&format!("{} {text}", self.talk_styled(Style::Yellow, "warning:")));
    }

    /// Says why the command failed and what to do.
    pub(crate) fn fail(&self, failure: &Failure) {
        if failure.message.is_empty() {
            return;
        }
        let mut lines = failure.message.lines();
        let first = lines.next().unwrap_or_default();
        let error = self.talk_styled(Style::Red, "error:");
        match lines.clone().count() {
            0 => self.tell(&format!("{error} {first}")),
            // Several mistakes stand one under another.
            more => {
                self.tell(&format!("{error} {} mistakes", more + 1));
                for line in std::iter::once(first).chain(lines) {
                    self.tell(&format!("  {line}"));
                }
            }
        }
        if let Some(hint) = &failure.hint {
            self.tell(&format!("{} {hint}", self.talk_styled(Style::Cyan, "hint:")));
        }
    }

    /// The text in a style, for stdout.
    pub(crate) fn styled(&self, style: Style, text: &str) -> String {
        if self.colour { styled(style, text) } else { text.to_owned() }
    }

    /// The text in a style, for stderr.
    pub(crate) fn talk_styled(&self, style: Style, text: &str) -> String {
        if self.talk_colour { styled(style, text) } else { text.to_owned() }
    }

    fn tell(&self, text: &str) {
        // Whoever closed stderr does not want to hear it.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

fn dumb_terminal(environment: &Environment) -> bool {
    environment.get("TERM") == Some("dumb")
}

fn styled(style: Style, text: &str) -> String {
    let code = match style {
        Style::Bold => "1",
        Style::Dim => "2",
        Style::Green => "32",
        Style::Yellow => "33",
        Style::Red => "31",
        Style::Cyan => "36",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}
