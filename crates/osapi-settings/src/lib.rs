//! Settings: a YAML file, the environment and flags, read into checked values, with every mistake reported at once.
//!
//! Reading goes in three stages.
//! A [`Document`] is what the file says; a [`Reader`] lays the environment and flags over it; sections declare each key
//! once, with its default, its bounds and a sentence about it, and give back a value that is always fit to use:
//!
//! ```
//! # use osapi_settings::{Document, Environment, Reader};
//! let document = Document::parse("osapi.yaml", "server: {port: 9090}")?;
//! let environment = Environment::from_pairs([("OSAPI_SERVER_HOST", "127.0.0.1")]);
//! let reader = Reader::new("OSAPI", document, &environment);
//!
//! let server = reader.section("server");
//! let host: String = server.text("host", "localhost", "address the server listens on");
//! let port: u16 = server.integer("port", 8080, 1..=65535, "TCP port the server listens on");
//!
//! let declared = reader.finish()?; // every unknown key and bad value of all layers, or the list of all settings
//! assert_eq!((host.as_str(), port, declared.len()), ("127.0.0.1", 9090, 2));
//! # Ok::<(), osapi_settings::SettingsError>(())
//! ```
//!
//! This crate knows no key of either program, binds nothing and holds no global. It alone reads the environment.

mod declaration;
mod document;
mod environment;
mod error;
mod quantity;
mod reader;
mod section;

pub use declaration::{Declaration, Scope, reference_page, template};
pub use document::{Document, Origin};
pub use environment::Environment;
pub use error::{Problem, SettingsError};
pub use quantity::{parse_duration, parse_size};
pub use reader::{Layer, Reader};
pub use secrecy::{ExposeSecret, SecretString};
pub use section::Section;
