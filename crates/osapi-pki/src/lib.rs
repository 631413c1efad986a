//! Certificates: an authority of one's own, what it issues, the checked sets that programs load, and their rotation
//! while running.
//!
//! It alone names rustls and rcgen. There is one crypto provider, aws-lc-rs, always given by name; there is TLS 1.3 and
//! nothing older. It reads and writes certificate files, opens no socket, and is told the time.

pub mod authority;
pub mod certificate;
pub mod credentials;
pub mod file;
pub mod folder;
pub mod revocation;
pub mod rotation;
pub mod serial;
pub mod tls;

pub use authority::{Authority, IssueError, Issued, Leaf};
pub use certificate::{CertificateInfo, Identity, Usage};
pub use credentials::{Authorities, CertificateFiles, Credentials};
pub use file::{FileError, Problem};
pub use revocation::RevocationList;
pub use rotation::{OwnCertificate, Rotation, ServerTls};
pub use serial::Serial;
