//! `System::run` against real programs that misbehave.

use std::path::Path;
use std::time::Duration;

use osapi_core::ErrorCode;
use osapi_host::System;
use osapi_host::machine::{Command, CommandError, Program, Script};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

fn bash(script: &'static str) -> Command {
    let bash: Program = System::local().program("bash").expect("bash is on every machine that builds this");
    Command::new(&bash).option("-c").option(script)
}

/// Whether a process is there and not a zombie.
pub(crate) fn alive(pid: &str) -> bool {
    std::fs::read_to_string(Path::new("/proc").join(pid).join("stat"))
        .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or_default().starts_with('Z'))
}

#[tokio::test]
async fn a_program_gets_a_bare_environment_and_its_status_is_a_value() {
    let done =
        System::local().run(bash("env -u _ -u SHLVL -u PWD -u OLDPWD; echo wrong >&2; pwd; exit 7")).await.unwrap();
    assert_eq!((done.status, done.stderr.as_str()), (Some(7), "wrong\n"));
    let mut lines: Vec<&str> = done.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["/", "LC_ALL=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]);
    let failure = done.expect_status(&[0]).unwrap_err();
    assert!(failure.message.ends_with("exited with 7: wrong"), "{}", failure.message);
}

#[tokio::test]
async fn a_program_that_ignores_sigterm_and_its_children_are_killed_at_the_deadline() {
    let (to, mut lines) = mpsc::channel(8);
    let stubborn = "trap '' TERM; sleep 1000 & echo $$ $!; while :; do wait; done";
    let command = bash(stubborn).deadline(Duration::from_millis(300)).grace(Duration::from_millis(200)).lines_to(to);
    let error = System::local().run(command).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Timeout, "{error}");
    let pids = lines.recv().await.unwrap();
    for pid in pids.split(' ') {
        // SIGKILL has been sent to both; only the first is waited for.
        super::wait_until(&format!("the end of {pid}"), || !alive(pid)).await;
    }
}

#[tokio::test]
async fn cancelling_lets_a_program_finish_its_last_words_and_stops_it() {
    let (to, mut lines) = mpsc::channel(8);
    let cancel = CancellationToken::new();
    let command = bash("exec 2>/dev/null; trap 'echo bye; exit 0' TERM; echo hello; while :; do sleep 0.05; done");
    let command = command.cancelled_by(&cancel).lines_to(to);
    let system = System::local();
    let watch = async {
        assert_eq!(lines.recv().await.as_deref(), Some("hello"));
        cancel.cancel();
        lines.recv().await
    };
    let (result, last) = tokio::join!(system.run(command), watch);
    assert!(matches!(result, Err(CommandError::Cancelled { .. })));
    assert_eq!(last.as_deref(), Some("bye"));
}

#[tokio::test]
async fn dropping_the_run_leaves_nothing_behind() {
    let (to, mut lines) = mpsc::channel(8);
    let system = System::local();
    let command = bash("sleep 1000 & echo $! $$; wait").lines_to(to);
    let pids = tokio::select! {
        _ = system.run(command) => panic!("it does not end by itself"),
        pids = lines.recv() => pids.unwrap(),
    };
    for pid in pids.split(' ') {
        super::wait_until(&format!("{pid} is gone"), || !alive(pid)).await;
    }
}

#[tokio::test]
async fn a_daemon_that_keeps_the_pipe_does_not_hold_the_answer_up() {
    let done = System::local().run(bash("setsid sleep 30 & echo $!; exit 0")).await.unwrap();
    assert!(done.success());
    let pid = done.stdout.trim();
    assert!(alive(pid), "a daemon that the program started may stay");
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
}

#[tokio::test]
async fn output_without_end_is_stopped_and_much_output_is_read_whole() {
    let command = bash("yes").output_limit(100_000);
    assert!(matches!(System::local().run(command).await, Err(CommandError::TooMuchOutput { limit: 100_000, .. })));
    let done = System::local().run(bash("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2")).await.unwrap();
    assert_eq!((done.stdout.len(), done.stderr.len()), (300_000, 300_000));
}

#[tokio::test]
async fn what_an_operator_gave_never_becomes_an_option() {
    let bash = System::local().program("bash").unwrap();
    let command = Command::new(&bash).option("-x").operand("--help").operand("b c").value("--name", "-v");
    assert_eq!(command.line(), r#"bash -x -- --help "b c" --name=-v"#);
    let error = System::local().run(Command::new(&bash).word("--version")).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Invalid);
    assert_eq!(error.to_string(), "`--version` would be read as an option of `bash`");
}

#[tokio::test]
async fn a_script_answers_in_order_and_counts_its_lines() {
    let system = System::scripted(Script::new().command("tool show -- web", 3, "stopped\n"));
    let tool = system.program("tool").unwrap();
    let done = system.run(Command::new(&tool).option("show").operand("web")).await.unwrap();
    assert_eq!((done.status, done.stdout.as_str()), (Some(3), "stopped\n"));

    let unused = std::panic::catch_unwind(|| drop(System::scripted(Script::new().command("tool", 0, ""))));
    assert!(unused.is_err(), "an unused line must fail the test");
}
