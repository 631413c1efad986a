//! Every answer has the one form, whoever makes it: a handler, the framework, or a bound that was overstepped.

use reqwest::Method;
use serde_json::json;

use crate::agent::{Agent, answer};
use crate::place::Place;

#[tokio::test]
async fn refusals_are_in_the_envelope_and_name_what_is_wrong() {
    let agent = Agent::start().await;
    for (method, path, status, code, part) in [
        (Method::GET, "/", 404, "NOT_FOUND", ""),
        (Method::GET, "/api/v1/nothing", 404, "NOT_FOUND", ""),
        (Method::GET, "/api/v2/packages", 404, "NOT_FOUND", ""),
        (Method::GET, "/api/v1/../../etc/passwd", 404, "NOT_FOUND", ""),
        (Method::POST, "/health", 405, "METHOD_NOT_ALLOWED", ""),
        (Method::DELETE, "/api/v1/system/info", 405, "METHOD_NOT_ALLOWED", ""),
        (Method::TRACE, "/api/v1/packages", 405, "METHOD_NOT_ALLOWED", ""),
        (Method::GET, "/api/v1/packages?nmae=x", 400, "VALIDATION_ERROR", "unknown field `nmae`"),
        (Method::GET, "/api/v1/packages?name=a&name=b", 400, "VALIDATION_ERROR", "`name` is given twice"),
        (Method::GET, "/api/v1/packages?sort=size", 400, "VALIDATION_ERROR", "unknown variant `size`"),
        (Method::GET, "/api/v1/packages?upgradable=maybe", 400, "VALIDATION_ERROR", "unknown variant `maybe`"),
        (Method::GET, "/api/v1/packages?status=upgradable", 501, "UNSUPPORTED", "not built"),
        (Method::GET, "/health?verbose=1", 400, "VALIDATION_ERROR", "unknown field `verbose`"),
        (Method::GET, "/api/v1/system/info?x=1", 400, "VALIDATION_ERROR", "unknown field `x`"),
        (Method::GET, "/api/v1/system/hostname?x=1", 400, "VALIDATION_ERROR", "unknown field `x`"),
        (Method::GET, "/api/v1/network/dns?interface=..%2Fx", 400, "VALIDATION_ERROR", "../x"),
        (Method::GET, "/api/v1/system/services/--now", 400, "INVALID_SERVICE_NAME", "`--now`"),
        (Method::GET, "/api/v1/system/services/a%2Fb", 400, "INVALID_SERVICE_NAME", "`a/b`"),
    ] {
        let answer = answer(agent.request(method.clone(), path).send().await.unwrap()).await;
        let error = &answer.body["error"];
        assert_eq!((answer.status, error["code"].as_str().unwrap()), (status, code), "{method} {path}: {error}");
        assert!(error["message"].as_str().unwrap().contains(part), "{method} {path}: {error}");
    }
    agent.stop().await;
}

#[tokio::test]
async fn bodies_are_bounded_typed_and_read_strictly() {
    let agent = Agent::start().await;
    let put = |body: String, kind: &str| {
        agent.request(Method::PUT, "/api/v1/system/hostname").header("content-type", kind).body(body)
    };
    let json = "application/json";
    for (request, status, code) in [
        (put("x".repeat(2 << 20), json), 413, "PAYLOAD_TOO_LARGE"),
        (put("{}".to_owned(), "text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (put("{".to_owned(), json), 400, "VALIDATION_ERROR"),
        (put("{}".to_owned(), json), 400, "VALIDATION_ERROR"),
        (put(json!({"hostname": "ok", "now": true}).to_string(), json), 400, "VALIDATION_ERROR"),
        (put(json!({"hostname": "-bad-"}).to_string(), json), 400, "VALIDATION_ERROR"),
        (put(json!({"hostname": "ok"}).to_string(), json).query(&[("x", "1")]), 400, "VALIDATION_ERROR"),
    ] {
        let answer = answer(request.send().await.unwrap()).await;
        let found = (answer.status, answer.body["error"]["code"].as_str().unwrap());
        assert_eq!(found, (status, code), "{}", answer.body);
    }
    agent.stop().await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered_so() {
    let place = Place::new();
    place.configure("  timeout_seconds: 1\n");
    let agent = Agent::start_at(place).await;
    let ping = json!({"address": "127.0.0.1", "count": 10, "interval_ms": 1000});
    let request = agent.request(Method::POST, "/api/v1/network/ping").json(&ping);
    let answer = answer(request.send().await.unwrap()).await;
    if answer.status == 403 || answer.status == 501 {
        println!("skipped: no ping here: {}", answer.body["error"]["message"]);
    } else {
        assert_eq!((answer.status, &answer.body["error"]["code"]), (504, &json!("TIMEOUT")), "{}", answer.body);
        assert_eq!(answer.body["error"]["retryable"], true);
    }
    agent.stop().await;
}
