//! Runs the program with a home of its own, and writes down what it did.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The program with a home, a configuration and an environment of its own.
pub(crate) struct Program {
    pub(crate) home: TempDir,
    variables: Vec<(String, String)>,
}

impl Program {
    /// With nothing configured.
    pub(crate) fn new() -> Self {
        Self { home: TempDir::new().unwrap(), variables: vec![] }
    }

    /// With a variable more.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The command, ready to be started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_osapi"));
        command.args(arguments).env_clear().current_dir(self.home.path()).stdin(Stdio::null());
        command.env("HOME", self.home.path()).env("PATH", "/usr/bin:/bin").env("TZ", "UTC");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, line: &str) -> Output {
        self.command(&words(line)).output().unwrap()
    }

    /// Runs it to its end with something on stdin.
    pub(crate) fn run_with_input(&self, line: &str, input: &str) -> Output {
        let mut command = self.command(&words(line));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// What the commands do, one after the other: exit status, stdout, stderr.
    pub(crate) fn transcript(&self, lines: &[&str]) -> String {
        let mut text = String::new();
        for line in lines {
            let output = self.run(line);
            let _ = write!(text, "{}", written(line, &output));
        }
        text
    }
}

/// One command and what it did.
pub(crate) fn written(line: &str, output: &Output) -> String {
    let mut text = format!("$ osapi {line}\n");
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let stream = String::from_utf8_lossy(bytes);
        if !stream.is_empty() {
            let indented: Vec<String> = stream.lines().map(|line| format!("  {line}").trim_end().to_owned()).collect();
            let _ = write!(text, "{name}:\n{}\n", indented.join("\n"));
        }
    }
    let _ = writeln!(text, "=> {}\n", output.status.code().map_or("a signal".to_owned(), |code| code.to_string()));
    text
}

/// The words of a command line; single quotes keep blanks together.
fn words(line: &str) -> Vec<&str> {
    line.split('\'')
        .enumerate()
        .flat_map(|(number, part)| if number % 2 == 1 { vec![part] } else { part.split_whitespace().collect() })
        .collect()
}

/// Compares with the snapshot after what differs from run to run has been made the same.
pub(crate) fn compare(name: &str, text: &str, home: &Path) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let filters = [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[uuid]"),
        (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z", "[time]"),
        (r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", "[local time]"),
        (r"(?m)(\bnow$|\b(\d+d )?(\d+h )?(\d+m )?[\d.]+(ms|s) ago)", "[ago]"),
        (r"\b[\d.]+ ms\b", "[rtt] ms"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
        (r"in ([\d.]+m?s)\b", "in [duration]"),
        (r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", "[token]"),
        (r"\b[0-9a-f]{64}\b", "[hash]"),
        (r"\b[0-9a-f]{32}\b", "[id]"),
        (r"OSAPI authority [0-9a-f]{8}", "OSAPI authority [key]"),
        (r"\b[0-9a-f]{34,40}\b", "[serial]"),
    ];
    let home = home.display().to_string();
    let text = text.replace(&home, "[home]");
    // Columns are as wide as what was in them.
    let text = text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n");
    settings.set_filters(filters);
    settings.add_filter(r"   +", "   ");
    settings.bind(|| insta::assert_snapshot!(name, text));
}
