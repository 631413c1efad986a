//! What a person sees on a terminal: live views, questions, Ctrl-C. A real terminal, in tmux.

use std::process::Command;

use osapi_testkit::{wait_for, wait_until};

use crate::fleet::{BOUND, Fleet};

/// A terminal of 100 by 30 with a shell in it, whose program talks to a fleet.
struct Terminal {
    socket: String,
}

impl Terminal {
    /// `None` where there is no tmux.
    async fn open(fleet: &Fleet) -> Option<Self> {
        let socket = fleet.program.path("tmux").display().to_string();
        let command = fleet.program.command(&[]);
        let program = command.get_program().to_owned();
        let mut tmux = Command::new("tmux");
        tmux.args([
            "-S",
            &socket,
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "100",
            "-y",
            "30",
            "env",
            "PS1=> ",
            "bash",
            "--norc",
        ]);
        tmux.env_clear()
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("TERM", "xterm-256color");
        tmux.env("LC_ALL", "C.UTF-8").env("OSAPI", program).current_dir(fleet.program.home.path());
        match tmux.status() {
            Ok(status) if status.success() => {
                let terminal = Self { socket };
                terminal.shows(">").await;
                Some(terminal)
            }
            Ok(_) | Err(_) => {
                println!("skipped: there is no tmux");
                None
            }
        }
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux").args(["-S", &self.socket]).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn type_line(&self, line: &str) {
        self.tmux(&["send-keys", "-l", &line.replace("osapi ", "$OSAPI ")]);
        self.tmux(&["send-keys", "Enter"]);
    }

    fn key(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"]).trim_end().to_owned()
    }

    /// The screen once it shows this.
    async fn shows(&self, text: &str) -> String {
        let found = tokio::time::timeout(
            BOUND,
            wait_for("the screen", BOUND * 2, async || Some(self.screen()).filter(|screen| screen.contains(text))),
        );
        found.await.unwrap_or_else(|_| panic!("the screen never showed `{text}`:\n{}", self.screen()))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

#[tokio::test]
async fn a_job_is_followed_left_and_called_off() {
    let fleet = Fleet::start(&[("web-01", ""), ("web-02", "")]).await;
    let Some(terminal) = Terminal::open(&fleet).await else { return };
    terminal.type_line("osapi client network ping 127.0.0.1 --count 20 -T _all --wait; echo ended with $?");
    terminal.shows("0 of 2 done; Ctrl-C detaches").await;
    terminal.shows("web-01                   running").await;
    terminal.shows("web-02                   running").await;
    terminal.key("C-c");
    let left = terminal.shows("ended with 4").await;
    assert!(left.contains("detached from job") && left.contains("Ctrl-C again"), "{left}");
    assert!(!left.contains("0 of 2 done"), "the live lines were left behind:\n{left}");

    let job = fleet.newest_job();
    terminal.type_line(&format!("clear; osapi client job watch {job}; echo ended with $?"));
    wait_until("a clear screen", BOUND, async || !terminal.screen().contains("ended with 4")).await;
    terminal.shows("of 2 done").await;
    terminal.key("C-c");
    terminal.shows("Ctrl-C again").await;
    terminal.key("C-c");
    terminal.shows("is called off").await;
    wait_until("the cancellation", BOUND, async || {
        String::from_utf8_lossy(&fleet.program.run(&format!("client job get {job}")).stdout).contains("cancelled")
    })
    .await;
}

#[tokio::test]
async fn a_change_to_several_hosts_is_asked_about() {
    let fleet = Fleet::start(&[("web-01", ""), ("web-02", "")]).await;
    let Some(terminal) = Terminal::open(&fleet).await else { return };
    let line =
        "osapi client network dns update --interface-name nosuch0 --servers 192.0.2.1 -T _all; echo ended with $?";
    terminal.type_line(line);
    let question = terminal.shows("Go on? [y/N]").await;
    assert!(question.contains("network.dns.update") && question.contains("2 hosts (web-01, web-02)"), "{question}");
    terminal.type_line("n");
    terminal.shows("ended with 1").await;

    terminal.type_line(&format!("clear; {line}"));
    wait_until("a clear screen", BOUND, async || !terminal.screen().contains("ended with 1")).await;
    terminal.shows("Go on? [y/N]").await;
    terminal.type_line("y");
    let answered = terminal.shows("ended with 3").await;
    assert!(answered.contains("failed") && answered.contains("nosuch0"), "{answered}");
}

#[tokio::test]
async fn counted_jobs_stay_on_the_screen_until_q() {
    let fleet = Fleet::start(&[("web-01", "")]).await;
    let Some(terminal) = Terminal::open(&fleet).await else { return };
    terminal.type_line("osapi client job status --poll-interval-seconds 1; echo ended with $?");
    let first = terminal.shows("q quits").await;
    assert!(first.contains("Dead letters"), "{first}");
    fleet.program.run("client system uptime");
    terminal.shows("system.uptime.get").await;
    terminal.key("q");
    let after = terminal.shows("ended with 0").await;
    assert!(!after.contains("q quits"), "the screen was not given back:\n{after}");
}
