//! `/api/v1/system`.

use osapi_core::Target;
use osapi_core::api::Collection;
use osapi_core::system::{
    DiskUsage, Hostname, HostnameUpdate, HostnameUpdated, LoadAverage, MemoryUsage, OsInfo, PowerRequest,
    PowerScheduled, ServiceName, ServiceState, SystemStatus, Uptime,
};
use reqwest::Method;
use serde::de::DeserializeOwned;

use crate::{Answer, Client, ClientError};

macro_rules! readings {
    ($($(#[$doc:meta])* $name:ident -> $data:ty = $path:literal;)*) => {
        impl Client {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// As [`ClientError`] says; for one host also when that host failed.
                pub async fn $name(&self, target: &Target) -> Result<Answer<Collection<$data>>, ClientError> {
                    self.read($path, target).await
                }
            )*
        }
    };
}

readings! {
    /// Reads the host name.
    system_hostname -> Hostname = "/api/v1/system/hostname";
    /// Reads host name, uptime, operating system, load, memory and disks in one.
    system_status -> SystemStatus = "/api/v1/system/status";
    /// Reads how long the host has been up.
    system_uptime -> Uptime = "/api/v1/system/uptime";
    /// Reads what operating system it is.
    system_os -> OsInfo = "/api/v1/system/os";
    /// Reads the usage of every real file system.
    system_disk -> DiskUsage = "/api/v1/system/disk";
    /// Reads memory and swap.
    system_memory -> MemoryUsage = "/api/v1/system/memory";
    /// Reads the load averages.
    system_load -> LoadAverage = "/api/v1/system/load";
}

impl Client {
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        target: &Target,
    ) -> Result<Answer<Collection<T>>, ClientError> {
        self.get(path).query("target", target).json(&[]).await
    }

    /// Reads the state of one service.
    ///
    /// # Errors
    /// As [`ClientError`] says; for one host also when that host failed.
    pub async fn system_service(
        &self,
        target: &Target,
        name: &ServiceName,
    ) -> Result<Answer<Collection<ServiceState>>, ClientError> {
        self.read(&format!("/api/v1/system/services/{}", escaped(&name.to_string())), target).await
    }

    /// Sets the host name.
    ///
    /// # Errors
    /// As [`ClientError`] says; for one host also when that host failed.
    pub async fn system_hostname_update(
        &self,
        target: &Target,
        update: &HostnameUpdate,
    ) -> Result<Answer<Collection<HostnameUpdated>>, ClientError> {
        self.call(Method::PUT, "/api/v1/system/hostname").query("target", target).body(update).json(&[]).await
    }

    /// Restarts the host, or takes that back.
    ///
    /// # Errors
    /// As [`ClientError`] says; for one host also when that host failed.
    pub async fn system_reboot(
        &self,
        target: &Target,
        request: &PowerRequest,
    ) -> Result<Answer<Collection<PowerScheduled>>, ClientError> {
        self.post("/api/v1/system/reboot").query("target", target).body(request).json(&[]).await
    }

    /// Shuts the host down, or takes that back.
    ///
    /// # Errors
    /// As [`ClientError`] says; for one host also when that host failed.
    pub async fn system_shutdown(
        &self,
        target: &Target,
        request: &PowerRequest,
    ) -> Result<Answer<Collection<PowerScheduled>>, ClientError> {
        self.post("/api/v1/system/shutdown").query("target", target).body(request).json(&[]).await
    }
}

/// A value as one segment of a path.
pub(crate) fn escaped(text: &str) -> String {
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn a_value_stays_one_segment() {
        assert_eq!(escaped("getty@tty1.service"), "getty%40tty1.service");
        assert_eq!(escaped("a/../b?c#d"), "a%2F..%2Fb%3Fc%23d");
    }
}
