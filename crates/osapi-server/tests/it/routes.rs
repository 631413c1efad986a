//! Every route of the table against no token, a token without its permission, and one with nothing but it.

use serde_json::Value;

use crate::fleet::{Fleet, Manner};

/// A route as the document has it.
pub(crate) struct Route {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) operation_id: String,
    /// The permission it asks for; absent where a token is enough or none is needed.
    permission: Option<String>,
    public: bool,
    takes_body: bool,
}

/// Every route of the document, with values in its path that no route refuses for their form and that name nothing.
pub(crate) fn routes() -> Vec<Route> {
    let document = osapi_server::openapi();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            routes.push(Route {
                method: method.to_uppercase(),
                path: fill_in(path),
                operation_id: operation["operationId"].as_str().unwrap().to_owned(),
                permission: operation["x-permission"].as_str().map(str::to_owned),
                public: operation["security"].as_array().is_some_and(Vec::is_empty),
                takes_body: operation.get("requestBody").is_some(),
            });
        }
    }
    assert!(routes.len() > 40, "the document has only {} routes", routes.len());
    routes
}

fn fill_in(path: &str) -> String {
    path.replace("{id}", "00000000-0000-7000-8000-000000000000")
        .replace("{name}", "nobody")
        .replace("{interface}", "eth0")
        .replace("{sequence}", "999999")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_for_a_token_and_its_own_permission() {
    let fleet = Fleet::start().await;
    fleet.worker("web-01", &["group:web"], Manner::Obliging).await;
    for Route { method, path, permission, public, takes_body, .. } in routes() {
        let name = format!("{method} {path}");
        // A body that would be refused, were it read before the token.
        let body = takes_body.then_some("{");
        let (status, answer) = fleet.send(&method, &path, None, body).await;
        if public {
            assert_ne!(status, 401, "{name}");
            continue;
        }
        assert_eq!((status, &answer["code"]), (401, &Value::from("unauthenticated")), "{name}: {answer}");
        let Some(permission) = permission else { continue };
        let others: Vec<&str> = osapi_core::Permission::ALL
            .iter()
            .map(|other| other.as_str())
            .filter(|other| *other != permission)
            .collect();
        let without = fleet.token(&["admin"], &others);
        let (status, answer) = fleet.send(&method, &path, Some(&without), body).await;
        assert_eq!(status, 403, "{name}: {answer}");
        assert_eq!(answer["error"], format!("the permission `{permission}` is missing"), "{name}");
        assert!(answer.get("details").is_none(), "{name} tells more than it should: {answer}");
        let with = fleet.token(&[], &[&permission]);
        let (status, answer) = fleet.send(&method, &path, Some(&with), body).await;
        assert!(status != 401 && status != 403 && status != 405, "{name}: {status} {answer}");
        if takes_body {
            assert_eq!(status, 400, "{name}: a broken body: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_refuses_a_query_parameter_it_does_not_know() {
    let fleet = Fleet::start().await;
    let admin = fleet.token(&["admin"], &[]);
    for Route { method, path, .. } in routes() {
        let probe = ["/health", "/health/ready", "/metrics"].contains(&path.as_str());
        let (status, answer) = fleet.send(&method, &format!("{path}?surely_unknown=1"), Some(&admin), None).await;
        if probe {
            assert_eq!(status, 200, "{method} {path}: probes take whatever a prober adds");
        } else {
            assert_eq!(status, 400, "{method} {path}: {answer}");
            let error = answer["error"].as_str().unwrap();
            assert!(error.contains("unknown field `surely_unknown`"), "{method} {path}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_singular_paths_answer_as_aliases() {
    let fleet = Fleet::start().await;
    fleet.worker("web-01", &["group:web"], Manner::Obliging).await;
    let admin = fleet.token(&["admin"], &[]);
    let pairs =
        [("/job/status", "/api/v1/jobs/stats"), ("/job/workers", "/api/v1/workers"), ("/version", "/api/v1/version")];
    let keys = |value: Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for (alias, path) in pairs {
        let (status, one) = fleet.send("GET", alias, Some(&admin), None).await;
        let (_, other) = fleet.send("GET", path, Some(&admin), None).await;
        assert_eq!((status, keys(one)), (200, keys(other)), "{alias}");
    }
    let (status, answer) = fleet.send("GET", "/system/hostname?target_hostname=web-01", Some(&admin), None).await;
    assert_eq!((status, &answer["results"][0]["data"]["hostname"]), (200, &Value::from("web-01")), "{answer}");
    let body = r#"{"operation":{"type":"system.hostname.get"},"target_hostname":"web-01"}"#;
    let (status, answer) = fleet.send("POST", "/job", Some(&admin), Some(body)).await;
    assert_eq!(status, 201, "{answer}");
    let path = format!("/job/{}", answer["job_id"].as_str().unwrap());
    assert_eq!(fleet.send("GET", &path, Some(&admin), None).await.0, 200);
    assert_eq!(fleet.send("GET", &path, None, None).await.0, 401);
}

#[test]
fn every_operation_has_a_route() {
    let document = serde_json::to_string(&osapi_server::openapi()).unwrap();
    for kind in osapi_core::OperationKind::ALL {
        assert!(document.contains(&format!(r#""x-operation":"{kind}""#)), "`{kind}` has no route");
    }
}
