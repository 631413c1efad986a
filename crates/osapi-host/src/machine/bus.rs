//! The system bus.

use std::time::Duration;

use osapi_core::{ErrorCode, Failure};

use super::files::Files;

const SOCKET: &str = "/run/dbus/system_bus_socket";

/// The system bus could not be used.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// There is none.
    #[error("this host has no system bus at `/run/dbus/system_bus_socket`")]
    Absent,
    /// It is there and does not let us in.
    #[error("cannot connect to the system bus")]
    Connect(#[source] zbus::Error),
}

impl From<BusError> for Failure {
    fn from(error: BusError) -> Self {
        match error {
            BusError::Absent => Self::unsupported(error.to_string()),
            BusError::Connect(ref source) => Self::new(ErrorCode::Unavailable, format!("{error}: {source}")),
        }
    }
}

pub(super) async fn connect(files: &Files) -> Result<zbus::Connection, BusError> {
    let socket = files.real_path(SOCKET).ok().filter(|socket| socket.exists()).ok_or(BusError::Absent)?;
    let address = format!("unix:path={}", socket.display());
    let connecting =
        zbus::connection::Builder::address(address.as_str()).method_timeout(Duration::from_secs(25)).build();
    match tokio::time::timeout(Duration::from_secs(5), connecting).await {
        Ok(connection) => connection.map_err(BusError::Connect),
        Err(_) => Err(BusError::Connect(std::io::Error::from(std::io::ErrorKind::TimedOut).into())),
    }
}
