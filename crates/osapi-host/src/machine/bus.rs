//! The system bus.

use std::time::Duration;

use osapi_core::{ErrorCode, Failure};
use zbus::proxy::CacheProperties;
use zbus::{Connection, Proxy, fdo};

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

pub(super) async fn connect(files: &Files) -> Result<Connection, BusError> {
    let socket = files.real_path(SOCKET).ok().filter(|socket| socket.exists()).ok_or(BusError::Absent)?;
    let address = format!("unix:path={}", socket.display());
    let connecting =
        zbus::connection::Builder::address(address.as_str()).method_timeout(Duration::from_secs(25)).build();
    match tokio::time::timeout(Duration::from_secs(5), connecting).await {
        Ok(connection) => connection.map_err(BusError::Connect),
        Err(_) => Err(BusError::Connect(std::io::Error::from(std::io::ErrorKind::TimedOut).into())),
    }
}

/// An object on the bus with one of its interfaces; its properties are asked for each time.
pub(crate) async fn object<'a>(
    connection: &Connection,
    service: &'a str,
    path: &'a str,
    interface: &'a str,
) -> Result<Proxy<'a>, Failure> {
    let building = zbus::proxy::Builder::<Proxy<'a>>::new(connection)
        .destination(service)
        .path(path)
        .interface(interface)
        .cache_properties(CacheProperties::No)
        .build();
    building.await.map_err(|error| refused(interface, &error))
}

/// The failure for a call that was answered with an error or not at all.
pub(crate) fn refused(call: &str, error: &zbus::Error) -> Failure {
    Failure::new(code_of(error), format!("cannot call `{call}` on the system bus: {error}"))
}

fn code_of(error: &zbus::Error) -> ErrorCode {
    match error {
        zbus::Error::FDO(inner) => match &**inner {
            fdo::Error::AccessDenied(_)
            | fdo::Error::AuthFailed(_)
            | fdo::Error::InteractiveAuthorizationRequired(_) => ErrorCode::Forbidden,
            fdo::Error::ServiceUnknown(_)
            | fdo::Error::NameHasNoOwner(_)
            | fdo::Error::UnknownMethod(_)
            | fdo::Error::UnknownObject(_)
            | fdo::Error::UnknownInterface(_)
            | fdo::Error::UnknownProperty(_) => ErrorCode::Unsupported,
            fdo::Error::NoReply(_) | fdo::Error::Timeout(_) | fdo::Error::TimedOut(_) => ErrorCode::Timeout,
            _ => ErrorCode::Failed,
        },
        zbus::Error::InputOutput(error) => super::file_error::code_of(error),
        _ => ErrorCode::Failed,
    }
}
