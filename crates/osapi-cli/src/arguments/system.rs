//! `client system`.

use clap::{Args, Subcommand};
use osapi_core::HostName;
use osapi_core::operation::{NoInput, Operation};
use osapi_core::system::{HostnameUpdate, PowerRequest, ServiceName, ServiceQuery};

use super::examples;

/// What to ask or command.
#[derive(Debug, Subcommand)]
pub(crate) enum System {
    /// The host name
    #[command(after_help = HOSTNAME, args_conflicts_with_subcommands = true)]
    Hostname {
        /// What to do with it; get it when left out
        #[command(subcommand)]
        what: Option<Hostname>,
    },
    /// Uptime, operating system, load, memory and disks in one
    #[command(after_help = STATUS)]
    Status,
    /// How long it has been up
    #[command(after_help = UPTIME)]
    Uptime,
    /// The operating system
    #[command(after_help = OS)]
    Os,
    /// The file systems and how full they are
    #[command(after_help = DISK)]
    Disk,
    /// Memory and swap
    #[command(after_help = MEMORY)]
    Memory,
    /// The load averages
    #[command(after_help = LOAD)]
    Load,
    /// The state of a service
    #[command(after_help = SERVICE)]
    Service {
        /// Its name, such as sshd
        name: ServiceName,
    },
    /// Restart the host
    #[command(after_help = REBOOT)]
    Reboot(Power),
    /// Shut the host down
    #[command(after_help = SHUTDOWN)]
    Shutdown(Power),
}

/// What to do with the host name.
#[derive(Debug, Subcommand)]
pub(crate) enum Hostname {
    /// Print it
    #[command(after_help = HOSTNAME)]
    Get,
    /// Set it, now and after the next boot
    #[command(after_help = HOSTNAME_UPDATE)]
    Update {
        /// The new name
        hostname: HostName,
    },
}

/// When and why to restart or shut down.
#[derive(Debug, Args)]
pub(crate) struct Power {
    /// Seconds from now
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) delay: u32,
    /// Why, for those who are logged in
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Take back what has not begun yet
    #[arg(long, conflicts_with_all = ["delay", "reason"])]
    pub(crate) cancel: bool,
    /// Even while packages are being changed
    #[arg(long)]
    pub(crate) force: bool,
    /// Know that this may leave the package database damaged; needed beside --force then
    #[arg(long)]
    pub(crate) acknowledge_package_database_corruption_risk: bool,
}

impl System {
    /// What it asks of a host.
    pub(crate) fn operation(self) -> Operation {
        let none = NoInput {};
        match self {
            Self::Hostname { what: None | Some(Hostname::Get) } => Operation::SystemHostnameGet(none),
            Self::Hostname { what: Some(Hostname::Update { hostname }) } => {
                Operation::SystemHostnameUpdate(HostnameUpdate { hostname })
            }
            Self::Status => Operation::SystemStatusGet(none),
            Self::Uptime => Operation::SystemUptimeGet(none),
            Self::Os => Operation::SystemOsGet(none),
            Self::Disk => Operation::SystemDiskGet(none),
            Self::Memory => Operation::SystemMemoryGet(none),
            Self::Load => Operation::SystemLoadGet(none),
            Self::Service { name } => Operation::SystemServiceGet(ServiceQuery { name }),
            Self::Reboot(power) => Operation::SystemRebootExecute(power.request()),
            Self::Shutdown(power) => Operation::SystemShutdownExecute(power.request()),
        }
    }
}

impl Power {
    fn request(self) -> PowerRequest {
        let acknowledge_package_database_corruption_risk = self.acknowledge_package_database_corruption_risk;
        let Self { delay: delay_seconds, reason, cancel, force, .. } = self;
        PowerRequest { delay_seconds, reason, force, acknowledge_package_database_corruption_risk, cancel }
    }
}

const HOSTNAME: &str = examples! {
    "Of any one host" => "osapi client system hostname",
    "Of all hosts" => "osapi client system hostname --target _all",
};
const HOSTNAME_UPDATE: &str = examples! {
    "Rename a host" => "osapi client system hostname update web-02 --target web-01",
    "Without being asked" => "osapi client system hostname update web-02 --target web-01 --yes",
};
const STATUS: &str = examples! {
    "Of one host" => "osapi client system status --target web-01",
    "Of all web servers, with every column" => "osapi client system status --target group:web -o wide",
};
const UPTIME: &str = examples! {
    "Of one host" => "osapi client system uptime --target web-01",
    "Of all hosts, for a program" => "osapi client system uptime --target _all --json",
};
const OS: &str = examples! {
    "Of all hosts, equal ones together" => "osapi client system os --target _all",
    "One line of JSON a host" => "osapi client system os --target _all -o jsonl",
};
const DISK: &str = examples! {
    "Of one host" => "osapi client system disk --target web-01",
    "With inodes" => "osapi client system disk --target web-01 -o wide",
};
const MEMORY: &str = examples! {
    "Of one host" => "osapi client system memory --target web-01",
    "Exact bytes" => "osapi client system memory --target web-01 --json",
};
const LOAD: &str = examples! {
    "Of all hosts" => "osapi client system load --target _all",
    "Of the databases" => "osapi client system load --target role:db",
};
const SERVICE: &str = examples! {
    "Is sshd running everywhere" => "osapi client system service sshd --target _all",
    "On one host" => "osapi client system service nginx --target web-01",
};
const REBOOT: &str = examples! {
    "In five minutes" => "osapi client system reboot --delay 300 --reason 'new kernel' --target web-01",
    "Never mind" => "osapi client system reboot --cancel --target web-01",
};
const SHUTDOWN: &str = examples! {
    "At once" => "osapi client system shutdown --target web-01",
    "All web servers in an hour" => "osapi client system shutdown --delay 3600 --target group:web",
};
