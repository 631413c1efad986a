//! What one may ask about and change of a system: inputs and outcomes of the `system.*` operations.

mod disk;
mod hostname;
mod load;
mod memory;
mod os;
mod power;
mod service;
mod status;

pub use disk::{DiskUsage, FileSystem};
pub use hostname::{Hostname, HostnameUpdate, HostnameUpdated};
pub use load::LoadAverage;
pub use memory::{MemoryUsage, Swap};
pub use os::{OsInfo, PackageManagerName, Uptime};
pub use power::{PowerRequest, PowerScheduled};
pub use service::{ServiceName, ServiceQuery, ServiceState};
pub use status::{Part, SystemStatus};
