//! `api.client`: the API server that commands talk to, and the proof they bring.

use std::path::PathBuf;

use osapi_settings::{Reader, SecretString};

use super::api::ApiSettings;

/// The API server that commands talk to.
#[derive(Clone, Debug)]
pub(crate) struct ClientSettings {
    pub(crate) url: String,
    pub(crate) token: Option<SecretString>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) ca_file: Option<PathBuf>,
}

impl ClientSettings {
    pub(super) fn read(reader: &Reader, server: &ApiSettings) -> Self {
        let client = reader.section("api").section("client");
        // Nothing said means the server of the same file.
        let scheme = if server.tls.is_some() { "https" } else { "http" };
        let port = if server.port == 0 { 8080 } else { server.port };
        let own = format!("{scheme}://127.0.0.1:{port}");
        let url = client.text("url", &own, "the API server that `osapi client` talks to");
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            client.refuse("url", "must begin with `http://` or `https://`");
        }
        let security = client.section("security");
        Self {
            url: url.trim_end_matches('/').to_owned(),
            token: security.secret("bearer_token", "the token commands show to the API server"),
            token_file: security.optional_path("bearer_token_file", "a file that holds that token"),
            ca_file: client
                .section("tls")
                .optional_path("ca_file", "the authority that the API server's certificate must come from, PEM"),
        }
    }
}
