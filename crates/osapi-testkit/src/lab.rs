//! A throw-away Debian machine in namespaces of its own, for tests of what changes a host: booted with its real systemd
//! (a third of a second), or only entered. Nothing of it touches the machine the tests run on, and nothing outlives it.
//!
//! The tree it is made of comes from `scripts/lab-setup`, the namespaces from `scripts/lab-world` and `scripts/lab-machine`.

mod name_server;
mod world;

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

pub use name_server::NameServer;
use world::{Phase, World};

const BOOT_BOUND: Duration = Duration::from_secs(60);
const RUN_BOUND: Duration = Duration::from_secs(120);

/// Why the lab cannot be had here.
#[derive(Debug)]
pub struct Skip(String);

impl fmt::Display for Skip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "skipped: {}", self.0)
    }
}

/// What is to be different about a lab machine before it starts.
#[derive(Default)]
pub struct Preparation {
    binds: Vec<String>,
    hook: String,
}

/// A running lab machine. Dropped, it is gone: processes, mounts and all.
pub struct Lab {
    world: World,
}

/// What a program run in the lab said.
#[derive(Debug)]
pub struct Finished {
    /// The exit status; 128 and the signal where a signal ended it.
    pub status: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Lab {
    /// Whether lab machines can be had here.
    ///
    /// # Errors
    /// The reason why not.
    pub fn available() -> Result<(), Skip> {
        if !rustix::process::geteuid().is_root() {
            return Err(Skip("the lab needs root".to_owned()));
        }
        if !tree().join("etc/os-release").exists() {
            return Err(Skip("the lab is not built; run `scripts/lab-setup`".to_owned()));
        }
        Ok(())
    }

    /// Begins a lab machine; where there can be none, says so on standard error, past the capture of the test runner.
    #[must_use]
    pub fn prepare() -> Option<Preparation> {
        match Self::available() {
            Ok(()) => Some(Preparation::default()),
            Err(skip) => {
                let test = std::thread::current().name().unwrap_or("a test").to_owned();
                // A standard error that is closed is no reason to fail.
                let _ = writeln!(std::io::stderr(), "{test}: {skip}");
                None
            }
        }
    }

    /// Runs a program in the machine and waits for it, two minutes at most. The first word is found on the machine's `PATH`.
    ///
    /// # Errors
    /// The machine is gone, or the program took too long. A status other than 0 is no error.
    pub async fn run(&self, words: &[&str]) -> anyhow::Result<Finished> {
        self.feed(words, "").await
    }

    /// Like [`Lab::run`], with something on its standard input.
    ///
    /// # Errors
    /// Those of [`Lab::run`].
    pub async fn feed(&self, words: &[&str], input: &str) -> anyhow::Result<Finished> {
        let what = words.join(" ");
        let mut child = self.start(words)?;
        let mut stdin = child.stdin.take().context("a child without standard input")?;
        let finished = async {
            // A program that does not read its input is no failure of ours.
            let _ = stdin.write_all(input.as_bytes()).await;
            drop(stdin);
            child.wait_with_output().await
        };
        let output = tokio::time::timeout(RUN_BOUND, finished)
            .await
            .with_context(|| format!("`{what}` took longer than {RUN_BOUND:?}"))?
            .with_context(|| format!("waiting for `{what}`"))?;
        Ok(Finished {
            status: exit_status(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs shell code in the machine and gives its standard output.
    ///
    /// # Errors
    /// Those of [`Lab::run`], or a command in it failed.
    pub async fn shell(&self, code: &str) -> anyhow::Result<String> {
        self.run(&["bash", "-euo", "pipefail", "-c", code]).await?.success(code)
    }

    /// Starts a program in the machine; its three streams are pipes. It ends with the machine at the latest.
    ///
    /// # Errors
    /// The machine is gone.
    pub fn start(&self, words: &[&str]) -> anyhow::Result<Child> {
        let process = self.world.process()?;
        Command::new("nsenter")
            .args(["--target", &process.to_string(), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"])
            .args(["--root", "--wdns=/", "--", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("entering the lab for `{}`", words.join(" ")))
    }

    /// Reboots the machine and waits until it is up again; its disk stays, its network is new.
    ///
    /// # Errors
    /// It does not come up again in a minute.
    pub async fn reboot(&mut self) -> anyhow::Result<()> {
        let before = self.world.process()?;
        self.run(&["systemctl", "--no-block", "reboot"]).await?;
        self.world.wait_for(BOOT_BOUND, |phase| matches!(phase, Phase::Up(process) if *process != before)).await?;
        self.booted().await
    }

    /// Waits until the machine has switched itself off.
    ///
    /// # Errors
    /// It is still on after a minute.
    pub async fn off(&mut self) -> anyhow::Result<()> {
        self.world.wait_for(BOOT_BOUND, |phase| matches!(phase, Phase::Ended)).await
    }

    /// The number that the machine's process 1 has on this machine.
    ///
    /// # Errors
    /// The machine is off.
    pub fn process(&self) -> anyhow::Result<u32> {
        self.world.process()
    }

    /// Carries something out in the network outside the machine, where 10.88.0.53 and 10.88.0.54 live. Sockets made there
    /// stay there.
    ///
    /// # Errors
    /// The namespace cannot be entered.
    pub fn outside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        self.world.inside(work)
    }

    /// Starts a name server outside the machine at that address, `10.88.0.53` or `10.88.0.54`, that says of every name
    /// that it has the address `answer`.
    ///
    /// # Errors
    /// The address is taken, or is none of the two.
    pub fn name_server(&self, address: &str, answer: &str) -> anyhow::Result<NameServer> {
        let at = (address.parse::<std::net::IpAddr>()?, 53);
        let socket = self.outside(|| std::net::UdpSocket::bind(at))??;
        NameServer::start(socket, answer.parse()?)
    }

    /// Waits until systemd has started everything.
    async fn booted(&self) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + BOOT_BOUND;
        loop {
            let said = self.run(&["systemctl", "is-system-running", "--wait"]).await?;
            match said.stdout.trim() {
                "running" | "degraded" => return Ok(()),
                _ if tokio::time::Instant::now() > deadline => {
                    bail!("the lab does not boot: {}{}\n{}", said.stdout, said.stderr, self.world.console())
                }
                // It has no D-Bus yet, and nothing to tell us when it will.
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

impl Preparation {
    /// Makes a file or folder of this machine visible in the lab at that path.
    #[must_use]
    pub fn bind(mut self, source: impl Into<PathBuf>, destination: &str) -> Self {
        self.binds.push(format!("{}:{destination}", source.into().display()));
        self
    }

    /// Shell code to run before the first boot: inside the namespaces, outside the root, which is `$m`.
    #[must_use]
    pub fn hook(mut self, code: &str) -> Self {
        self.hook.push_str(code);
        self.hook.push('\n');
        self
    }

    /// Boots it with its systemd, and waits until that is up.
    ///
    /// # Errors
    /// It does not come up in a minute; the error holds the end of its console.
    pub async fn boot(self) -> anyhow::Result<Lab> {
        let lab = self.begin("boot").await?;
        lab.booted().await?;
        Ok(lab)
    }

    /// Makes the machine with nothing running in it.
    ///
    /// # Errors
    /// The namespaces or mounts cannot be made.
    pub async fn enter(self) -> anyhow::Result<Lab> {
        self.begin("root").await
    }

    async fn begin(self, form: &str) -> anyhow::Result<Lab> {
        let mut world = World::start(form, &self.binds, &self.hook)?;
        world.wait_for(BOOT_BOUND, |phase| matches!(phase, Phase::Up(_))).await?;
        Ok(Lab { world })
    }
}

impl Finished {
    /// The standard output, if it ended well.
    ///
    /// # Errors
    /// It did not; `what` says what it was.
    pub fn success(self, what: &str) -> anyhow::Result<String> {
        match self.status {
            0 => Ok(self.stdout),
            status => bail!("`{what}` ended with {status}: {}{}", self.stdout, self.stderr),
        }
    }
}

fn exit_status(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// The file system lab machines begin with: a link that `scripts/lab-setup` makes.
fn tree() -> PathBuf {
    crate::workspace().join(".tools/lab")
}
