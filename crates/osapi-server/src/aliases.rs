//! The singular paths without a prefix that the public project has: each is answered as the path it stands for.

use axum::extract::Request;
use http::Uri;
use http::uri::PathAndQuery;

/// The path as it was asked for, before it was understood as another.
#[derive(Clone, Debug)]
pub(crate) struct Asked(pub(crate) String);

/// What stands for what: whole paths first, then beginnings.
const WHOLE: [(&str, &str); 5] = [
    ("/job/status", "/api/v1/jobs/stats"),
    ("/job/workers", "/api/v1/workers"),
    ("/job", "/api/v1/jobs"),
    ("/audit", "/api/v1/audit"),
    ("/version", "/api/v1/version"),
];
const BEGINNINGS: [(&str, &str); 4] = [
    ("/job/", "/api/v1/jobs/"),
    ("/system/", "/api/v1/system/"),
    ("/network/", "/api/v1/network/"),
    ("/audit/", "/api/v1/audit/"),
];

/// Where the metrics are unless configuration says otherwise.
const METRICS: &str = "/metrics";

/// Puts the path that is meant in the place of an alias. The metrics may have been given another path, and then only
/// that one is theirs.
pub(crate) fn understand(mut request: Request, metrics_path: &str) -> Request {
    let meant = match request.uri().path() {
        path if path == metrics_path => Some(METRICS.to_owned()),
        METRICS => Some("/".to_owned()),
        path => meant(path),
    };
    let Some(meant) = meant else { return request };
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = request.uri().clone().into_parts();
    let Ok(path_and_query) = PathAndQuery::try_from(format!("{meant}{query}")) else { return request };
    parts.path_and_query = Some(path_and_query);
    let Ok(uri) = Uri::from_parts(parts) else { return request };
    let asked = Asked(request.uri().path().to_owned());
    request.extensions_mut().insert(asked);
    *request.uri_mut() = uri;
    request
}

fn meant(path: &str) -> Option<String> {
    if let Some((_, stands_for)) = WHOLE.iter().find(|(alias, _)| *alias == path) {
        return Some((*stands_for).to_owned());
    }
    BEGINNINGS.iter().find_map(|(alias, stands_for)| path.strip_prefix(alias).map(|rest| format!("{stands_for}{rest}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_understood_and_other_paths_left_alone() {
        let check = |alias: &str, path: &str| assert_eq!(meant(alias).as_deref(), Some(path));
        check("/job", "/api/v1/jobs");
        check("/job/status", "/api/v1/jobs/stats");
        check("/job/0193/retry", "/api/v1/jobs/0193/retry");
        check("/system/hostname", "/api/v1/system/hostname");
        check("/network/dns/eth0", "/api/v1/network/dns/eth0");
        check("/audit/export", "/api/v1/audit/export");
        for other in ["/health", "/metrics", "/jobs", "/api/v1/jobs", "/"] {
            assert_eq!(meant(other), None, "{other}");
        }
    }
}
