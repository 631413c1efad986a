//! Which nats-server to start: the one named, the one packed into this program, or one that is installed.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use osapi_host::System;
use osapi_host::machine::Program;
use sha2::{Digest as _, Sha256};

use crate::configuration::BrokerSettings;
use crate::error::BrokerError;

/// The packed server may unpack to no more than this.
const MAX_UNPACKED: u64 = 256 << 20;

/// A nats-server as it was packed when we were built.
struct Packed {
    /// gzip.
    archive: &'static [u8],
    /// SHA-256 of what is in it, in hex.
    digest: &'static str,
}

#[cfg(packed_nats_server)]
const PACKED: Option<Packed> = Some(Packed {
    archive: include_bytes!(env!("OSAPI_PACKED_NATS_SERVER")),
    digest: include_str!(env!("OSAPI_PACKED_NATS_SERVER_SHA256")),
});
#[cfg(not(packed_nats_server))]
const PACKED: Option<Packed> = None;

/// The server to start. A packed one is unpacked if needed, and its digest is checked every time.
pub(crate) fn find(system: &System, settings: &BrokerSettings) -> Result<Program, BrokerError> {
    if let Some(path) = &settings.program {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        return system.program_at(&absolute).ok_or_else(|| BrokerError::NotAProgram(path.clone()));
    }
    if let Some(packed) = PACKED {
        let path = unpacked(system, &packed, &settings.cache_dir)?;
        return system.program_at(&path).ok_or(BrokerError::NotAProgram(path));
    }
    let beside = std::env::current_exe().ok().and_then(|us| us.parent().map(Path::to_path_buf));
    let mut places = beside.iter().chain(&settings.search).map(|folder| folder.join("nats-server"));
    places.find_map(|path| system.program_at(&path)).ok_or(BrokerError::NoProgram)
}

fn unpacked(system: &System, packed: &Packed, cache: &Path) -> Result<PathBuf, BrokerError> {
    let digest = packed.digest.trim();
    let cache = private_dir(system, cache)?;
    let path = cache.join(format!("nats-server-{}", digest.get(..12).unwrap_or(digest)));
    if digest_of(&path).is_ok_and(|found| found == digest) {
        return Ok(path);
    }
    let mut bytes = Vec::new();
    let mut archive = flate2::read::GzDecoder::new(packed.archive).take(MAX_UNPACKED);
    archive.read_to_end(&mut bytes).map_err(|error| BrokerError::Damaged(error.to_string()))?;
    let text = path.to_str().ok_or_else(|| BrokerError::NotPrivate(path.clone()))?;
    system.write(text, &bytes, 0o700).map_err(|error| file_error("write", &path, error.source))?;
    let found = digest_of(&path).map_err(|source| file_error("read", &path, source))?;
    if found == digest { Ok(path) } else { Err(BrokerError::Damaged(format!("its SHA-256 is {found}, not {digest}"))) }
}

/// Makes a directory that is ours alone, and gives back its absolute path.
pub(crate) fn private_dir(system: &System, path: &Path) -> Result<PathBuf, BrokerError> {
    let absolute = std::path::absolute(path).map_err(|source| file_error("find", path, source))?;
    let text = absolute.to_str().ok_or_else(|| BrokerError::NotPrivate(absolute.clone()))?;
    system.create_dir(text, 0o700).map_err(|error| file_error("make the directory", &absolute, error.source))?;
    let real = absolute.canonicalize().map_err(|source| file_error("find", &absolute, source))?;
    let metadata = real.metadata().map_err(|source| file_error("look at", &real, source))?;
    let ours = metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o077 == 0;
    if ours { Ok(real) } else { Err(BrokerError::NotPrivate(real)) }
}

fn digest_of(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?.take(MAX_UNPACKED);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(crate) fn file_error(action: &'static str, path: &Path, source: std::io::Error) -> BrokerError {
    BrokerError::File { action, path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn packed(program: &[u8], digest_of: &[u8]) -> Packed {
        let mut archive = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        archive.write_all(program).unwrap();
        let digest: String = Sha256::digest(digest_of).iter().map(|byte| format!("{byte:02x}")).collect();
        Packed { archive: archive.finish().unwrap().leak(), digest: digest.leak() }
    }

    #[test]
    fn it_is_unpacked_once_and_a_changed_file_is_never_started() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let packed = packed(b"#!/bin/sh\n", b"#!/bin/sh\n");
        let path = unpacked(&System::local(), &packed, &cache).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(cache.metadata().unwrap().permissions().mode() & 0o777, 0o700);

        let first = path.metadata().unwrap().ino();
        assert_eq!(unpacked(&System::local(), &packed, &cache).unwrap().metadata().unwrap().ino(), first);

        std::fs::write(&path, b"#!/bin/evil\n").unwrap();
        let path = unpacked(&System::local(), &packed, &cache).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"#!/bin/sh\n");
    }

    #[test]
    fn a_wrong_digest_or_an_open_directory_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let damaged = unpacked(&System::local(), &packed(b"one", b"other"), &cache);
        assert!(matches!(damaged, Err(BrokerError::Damaged(_))), "{damaged:?}");

        std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o755)).unwrap();
        let open = unpacked(&System::local(), &packed(b"one", b"one"), &cache);
        assert!(matches!(open, Err(BrokerError::NotPrivate(_))), "{open:?}");
    }
}
