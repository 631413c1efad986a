//! What an operation gave, as lines of a table. One match per direction: a new operation asks for its columns here.

use osapi_core::network::DnsSettings;
use osapi_core::outcome::Change;
use osapi_core::system::{FileSystem, LoadAverage, MemoryUsage, OsInfo, Part, SystemStatus};
use osapi_core::{OperationKind, Outcome};

use super::human::{bytes, duration, local_time};
use crate::printer::Format;

/// The columns of an operation's outcome, without the host.
pub(crate) fn columns(kind: OperationKind, format: Format) -> Vec<&'static str> {
    let wide = format == Format::Wide;
    let mut columns = match kind {
        OperationKind::SystemHostnameGet => vec!["NAME", "LABELS"],
        OperationKind::SystemHostnameUpdate => vec!["CHANGE", "NAME", "PREVIOUS"],
        OperationKind::SystemStatusGet => vec!["OS", "UPTIME", "LOAD", "MEMORY USED", "FULLEST DISK"],
        OperationKind::SystemUptimeGet => vec!["UPTIME", "BOOTED"],
        OperationKind::SystemOsGet => vec!["OS", "KERNEL", "ARCHITECTURE", "PACKAGES", "INIT"],
        OperationKind::SystemDiskGet => vec!["MOUNT POINT", "TOTAL", "USED", "FREE", "USE%"],
        OperationKind::SystemMemoryGet => vec!["TOTAL", "USED", "AVAILABLE", "CACHED", "SWAP USED"],
        OperationKind::SystemLoadGet => vec!["1 MIN", "5 MIN", "15 MIN", "CPUS"],
        OperationKind::SystemRebootExecute | OperationKind::SystemShutdownExecute => vec!["CHANGE", "SCHEDULED"],
        OperationKind::SystemServiceGet => vec!["SERVICE", "STATE", "ENABLED", "PID"],
        OperationKind::NetworkDnsGet => vec!["SERVERS", "SEARCH DOMAINS"],
        OperationKind::NetworkDnsUpdate => vec!["CHANGE", "SERVERS", "SEARCH DOMAINS"],
        OperationKind::NetworkPingDo => vec!["ADDRESS", "SENT", "RECEIVED", "LOSS", "MIN", "AVG", "MAX"],
        OperationKind::PackageListGet => vec!["PACKAGE", "VERSION", "ARCHITECTURE", "STATE"],
    };
    if wide {
        columns.extend(more_columns(kind));
    }
    columns
}

/// The columns that only the wide table has.
fn more_columns(kind: OperationKind) -> &'static [&'static str] {
    match kind {
        OperationKind::SystemStatusGet => &["KERNEL", "MEMORY", "SWAP USED"],
        OperationKind::SystemOsGet => &["CONTAINER", "BOOT ID"],
        OperationKind::SystemDiskGet => &["DEVICE", "TYPE", "INODES FREE"],
        OperationKind::SystemServiceGet => &["SUB STATE", "LOADED", "DESCRIPTION"],
        OperationKind::NetworkDnsGet | OperationKind::NetworkDnsUpdate => &["INTERFACE", "MECHANISM"],
        OperationKind::PackageListGet => &["SIZE", "DESCRIPTION"],
        OperationKind::SystemHostnameGet
        | OperationKind::SystemHostnameUpdate
        | OperationKind::SystemUptimeGet
        | OperationKind::SystemMemoryGet
        | OperationKind::SystemLoadGet
        | OperationKind::SystemRebootExecute
        | OperationKind::SystemShutdownExecute
        | OperationKind::NetworkPingDo => &[],
    }
}

/// The lines of an outcome: as many as it has things to tell of, each with the wide columns at its end.
pub(crate) fn lines(outcome: &Outcome) -> Vec<Vec<String>> {
    match outcome {
        Outcome::SystemHostnameGet(it) => {
            let labels: Vec<String> = it.labels.iter().map(|(key, value)| format!("{key}:{value}")).collect();
            vec![vec![it.hostname.clone(), dash(labels.join(", "))]]
        }
        Outcome::SystemHostnameUpdate(it) => vec![vec![change(it.change), it.hostname.clone(), it.previous.clone()]],
        Outcome::SystemStatusGet(it) => vec![status(it)],
        Outcome::SystemUptimeGet(it) => vec![vec![it.uptime.clone(), local_time(it.booted_at)]],
        Outcome::SystemOsGet(it) => vec![os(it)],
        Outcome::SystemDiskGet(it) => it.disks.iter().map(disk).collect(),
        Outcome::SystemMemoryGet(it) => vec![memory(it)],
        Outcome::SystemLoadGet(it) => {
            let [one, five, fifteen] = [it.one, it.five, it.fifteen].map(|load| format!("{load:.2}"));
            vec![vec![one, five, fifteen, it.cpu_count.to_string()]]
        }
        Outcome::SystemRebootExecute(it) | Outcome::SystemShutdownExecute(it) => {
            vec![vec![change(it.change), it.scheduled_at.map_or_else(|| "–".to_owned(), local_time)]]
        }
        Outcome::SystemServiceGet(it) => vec![vec![
            it.name.clone(),
            it.active_state.clone(),
            dash(it.enabled_state.clone()),
            it.main_pid.map_or_else(|| "–".to_owned(), |pid| pid.to_string()),
            it.sub_state.clone(),
            it.load_state.clone(),
            it.display_name.clone(),
        ]],
        Outcome::NetworkDnsGet(it) => vec![dns(it)],
        Outcome::NetworkDnsUpdate(it) => {
            let mut line = dns(&it.settings);
            line.insert(0, change(it.change));
            vec![line]
        }
        Outcome::NetworkPingDo(it) => {
            let time = |time: Option<f64>| time.map_or_else(|| "–".to_owned(), |time| format!("{time:.2} ms"));
            vec![vec![
                it.address.to_string(),
                it.packets_sent.to_string(),
                it.packets_received.to_string(),
                format!("{:.0}%", it.packet_loss),
                time(it.min_rtt_ms),
                time(it.avg_rtt_ms),
                time(it.max_rtt_ms),
            ]]
        }
        Outcome::PackageListGet(it) => it.packages.iter().map(package).collect(),
    }
}

/// One status in full, for a person who asked about one host.
pub(crate) fn status_in_full(status: &SystemStatus) -> (Vec<(&'static str, String)>, Vec<Vec<String>>) {
    let os = part(&status.os_info, |it| format!("{} ({}, {})", it.name, it.kernel, it.architecture));
    let uptime = part(&status.uptime, |it| it.uptime.clone());
    let load = part(&status.load_average, |it| {
        format!("{:.2}  {:.2}  {:.2}  (1, 5, 15 min; {} CPUs)", it.one, it.five, it.fifteen, it.cpu_count)
    });
    let memory = part(&status.memory, |it| {
        format!("{} of {} used, {} available", bytes(it.used), bytes(it.total), bytes(it.available))
    });
    let swap = part(&status.memory, |it| format!("{} of {} used", bytes(it.swap.used), bytes(it.swap.total)));
    let pairs = vec![
        ("Hostname", status.hostname.clone()),
        ("OS", os),
        ("Uptime", uptime),
        ("Load", load),
        ("Memory", memory),
        ("Swap", swap),
    ];
    let disks = match &status.disks {
        Part::Read(disks) => disks.iter().map(disk).collect(),
        Part::Failed { error } => vec![vec![error.message.clone()]],
    };
    (pairs, disks)
}

fn part<T>(part: &Part<T>, words: impl Fn(&T) -> String) -> String {
    match part {
        Part::Read(value) => words(value),
        Part::Failed { error } => format!("not known: {}", error.message),
    }
}

fn status(it: &SystemStatus) -> Vec<String> {
    let fullest = part(&it.disks, |disks| {
        let fullest = disks.iter().filter(|disk| disk.error.is_none()).max_by_key(|disk| percent(disk));
        fullest.map_or_else(|| "–".to_owned(), |disk| format!("{} {}%", disk.mount_point, percent(disk)))
    });
    vec![
        part(&it.os_info, |os| os.name.clone()),
        part(&it.uptime, |up| duration(std::time::Duration::from_secs(up.uptime_seconds))),
        part(&it.load_average, |load: &LoadAverage| format!("{:.2}", load.one)),
        part(&it.memory, |memory| format!("{} of {}", bytes(memory.used), bytes(memory.total))),
        fullest,
        part(&it.os_info, |os| os.kernel.clone()),
        part(&it.memory, |memory| bytes(memory.total)),
        part(&it.memory, |memory| bytes(memory.swap.used)),
    ]
}

fn os(it: &OsInfo) -> Vec<String> {
    let manager = serde_json::to_value(it.package_manager).ok();
    let manager = manager.as_ref().and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    vec![
        it.name.clone(),
        it.kernel.clone(),
        it.architecture.clone(),
        dash(manager),
        dash(it.init_system.clone()),
        dash(it.container.clone().unwrap_or_default()),
        it.boot_id.clone(),
    ]
}

/// One file system: the columns of `system disk`, wide ones included.
pub(crate) fn disk(it: &FileSystem) -> Vec<String> {
    if let Some(error) = &it.error {
        return vec![it.mount_point.clone(), error.message.clone()];
    }
    vec![
        it.mount_point.clone(),
        bytes(it.total),
        bytes(it.used),
        bytes(it.free),
        format!("{}%", percent(it)),
        it.device.clone(),
        it.file_system.clone(),
        it.inodes_free.to_string(),
    ]
}

fn percent(it: &FileSystem) -> u64 {
    // As df has it: of what can be used at all.
    let usable = it.used.saturating_add(it.free);
    (it.used.saturating_mul(100)).div_ceil(usable.max(1))
}

fn memory(it: &MemoryUsage) -> Vec<String> {
    let swap = format!("{} of {}", bytes(it.swap.used), bytes(it.swap.total));
    vec![bytes(it.total), bytes(it.used), bytes(it.available), bytes(it.cached), swap]
}

fn dns(it: &DnsSettings) -> Vec<String> {
    let servers: Vec<String> = it.servers.iter().map(ToString::to_string).collect();
    let domains: Vec<String> = it.search_domains.iter().map(ToString::to_string).collect();
    let interface = it.interface.as_ref().map(ToString::to_string).unwrap_or_default();
    let mechanism = serde_json::to_value(it.mechanism).ok();
    let mechanism = mechanism.as_ref().and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    vec![dash(servers.join(", ")), dash(domains.join(", ")), dash(interface), dash(mechanism)]
}

fn package(it: &osapi_core::package::Package) -> Vec<String> {
    let status = serde_json::to_value(it.status).ok();
    let status = status.as_ref().and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let size = it.size_installed.map_or_else(|| "–".to_owned(), bytes);
    vec![it.name.clone(), it.version.clone(), it.architecture.clone(), status, size, it.description.clone()]
}

fn change(change: Change) -> String {
    match change {
        Change::Unchanged => "unchanged",
        Change::Created => "created",
        Change::Updated => "updated",
        Change::Removed => "removed",
    }
    .to_owned()
}

/// A dash for what is not there.
pub(super) fn dash(text: String) -> String {
    if text.is_empty() { "–".to_owned() } else { text }
}
