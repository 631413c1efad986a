//! The API's document in the repository is the one the server gives.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::fleet::Fleet;
use crate::routes::routes;

#[test]
fn the_document_in_the_repository_is_that_of_the_router() {
    let path = osapi_testkit::workspace().join("openapi.json");
    let document = serde_json::to_string_pretty(&osapi_server::openapi()).unwrap() + "\n";
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    if kept != document {
        std::fs::write(&path, &document).unwrap();
        panic!("openapi.json was out of date and is written anew: look at the difference and commit it");
    }
}

#[test]
fn every_route_has_a_name_of_its_own_and_every_schema_is_there() {
    let names: Vec<String> = routes().into_iter().map(|route| route.operation_id).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    let document = osapi_server::openapi();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut wanted = BTreeSet::new();
    references(&document, &mut wanted);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let missing: Vec<_> = wanted.iter().filter(|name| !schemas.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn references(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                names.insert(reference.trim_start_matches("#/components/schemas/").to_owned());
            }
            fields.values().for_each(|value| references(value, names));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_and_its_page_are_served_and_need_nothing_from_elsewhere() {
    let fleet = Fleet::start().await;
    let (status, served) = fleet.send("GET", "/api/v1/openapi.json", None, None).await;
    assert_eq!((status, served), (200, osapi_server::openapi()));
    let page = reqwest::get(fleet.url("/api/v1/docs")).await.unwrap();
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let text = page.text().await.unwrap();
    assert!(text.contains("openapi.json") && !text.contains("http://") && !text.contains("https://"));
}
