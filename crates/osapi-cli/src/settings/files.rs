//! The files that settings name: whether they are there and may be read, before a port is bound.

use std::fs::File;
use std::path::Path;

use osapi_settings::{Declaration, Reader};

use super::Need;
use crate::roles::Roles;

/// Records every file that the command needs and cannot read.
pub(super) fn check(reader: &Reader, need: Need, own_broker: bool) {
    reader.refuse_where(|one| {
        let needed = names_a_file(one) && is_needed(&one.path, need, own_broker);
        let path = one.value.as_deref().filter(|path| needed && !path.is_empty())?;
        Some(format!("is `{path}`, which cannot be read: {}", fault(Path::new(path))?))
    });
}

fn names_a_file(one: &Declaration) -> bool {
    one.kind == "path" && one.path.ends_with("_file")
}

/// A role reads its own files and is often not allowed to read those of another.
fn is_needed(key: &str, need: Need, own_broker: bool) -> bool {
    let roles = match need {
        Need::Nothing | Need::SigningKey => return false,
        Need::Files => return true,
        Need::Roles(roles) => roles,
    };
    let (broker, server, worker) = match roles {
        Roles::Broker => (true, false, false),
        Roles::Server => (false, true, false),
        Roles::Worker => (false, false, true),
        Roles::All => (own_broker, true, true),
    };
    if key.starts_with("nats.server.") {
        broker
    } else if key.starts_with("nats.") {
        server || worker
    } else if key.starts_with("api.server.") {
        server
    } else {
        worker && key.starts_with("job.worker.")
    }
}

fn fault(path: &Path) -> Option<String> {
    match File::open(path).and_then(|file| file.metadata()) {
        Ok(about) if about.is_dir() => Some("it is a folder".to_owned()),
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    }
}
