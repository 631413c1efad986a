//! `client job status`: jobs counted, redrawn on a terminal until `q`.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::printer::Format;
use crate::remote::Remote;
use crate::render;
use crate::terminal::Modes;

/// How often to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looks {
    /// Once.
    One,
    /// Every so many seconds, where there is a terminal.
    Every(u64),
}

/// Prints the counts once, or keeps them on the screen.
pub(crate) async fn status(remote: &Remote, looks: Looks) -> Result<ExitStatus, Failure> {
    let people = matches!(remote.printer.format, Format::Table | Format::Wide);
    match looks {
        Looks::Every(seconds) if people && remote.printer.interactive && std::io::stdout().is_terminal() => {
            live(remote, Duration::from_secs(seconds)).await
        }
        Looks::One | Looks::Every(_) => {
            let answer = remote.client.job_stats().await.map_err(|error| remote.failure(&error))?;
            remote.show(&answer, render::job_stats).map(|()| ExitStatus::Ok)
        }
    }
}

async fn live(remote: &Remote, interval: Duration) -> Result<ExitStatus, Failure> {
    // What is wrong from the start is told without a screen of its own.
    remote.client.job_stats().await.map_err(|error| remote.failure(&error))?;
    let screen = Screen::open().map_err(|error| Failure::of(&error))?;
    loop {
        let body = match remote.client.job_stats().await {
            Ok(answer) => render::job_stats(&answer.value, &remote.printer),
            Err(error) => remote.failure(&error).message,
        };
        let time = render::local_time(jiff::Timestamp::now());
        screen.draw(&format!(
            "osapi job status  {}  {time}  every {}s, q quits\n\n{body}",
            remote.url,
            interval.as_secs()
        ));
        if screen.quits_within(interval) {
            return Ok(ExitStatus::Ok);
        }
    }
}

/// The terminal with a screen of our own, given back when dropped.
struct Screen {
    _modes: Modes,
}

impl Screen {
    fn open() -> std::io::Result<Self> {
        let modes = Modes::key_by_key()?;
        write("\u{1b}[?1049h\u{1b}[?25l");
        Ok(Self { _modes: modes })
    }

    /// Draws as many lines as there is room for.
    fn draw(&self, text: &str) {
        let rows = rustix::termios::tcgetwinsize(std::io::stdout()).map_or(24, |size| size.ws_row);
        let lines: Vec<&str> = text.lines().take(usize::from(rows.max(1))).collect();
        write(&format!("\u{1b}[H\u{1b}[2J{}", lines.join("\r\n")));
    }

    /// Whether `q`, Escape or Ctrl-C is pressed before the time is over.
    fn quits_within(&self, time: Duration) -> bool {
        let stdin = std::io::stdin();
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        let timeout = Timespec::try_from(time).ok();
        if !matches!(poll(&mut fds, timeout.as_ref()), Ok(1..)) {
            return false;
        }
        let mut keys = [0; 16];
        // A terminal that is gone has nobody in front of it.
        let count = rustix::io::read(&stdin, &mut keys).unwrap_or_default();
        count == 0 || keys[..count].iter().any(|key| matches!(key, b'q' | b'Q' | 0x1b | 0x03))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        write("\u{1b}[?25h\u{1b}[?1049l");
    }
}

/// Writes to the terminal; one that is gone is noticed by the next key.
fn write(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
