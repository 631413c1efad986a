//! The audit trail: what is in it, how it is read, and that tampering shows.

use futures::TryStreamExt as _;
use osapi_client::AuditFilter;
use osapi_core::audit::{AuditEntry, ChainCheck};
use osapi_jobs::{AuditLog, AuditRetention};
use osapi_testkit::wait_for;

use crate::fleet::{Fleet, Manner, PATIENCE, serve_another};

/// Waits until an entry is there that fits.
async fn entry(fleet: &Fleet, what: &str, fits: impl Fn(&AuditEntry) -> bool) -> AuditEntry {
    let client = fleet.admin();
    let all = AuditFilter { limit: Some(1000), ..AuditFilter::default() };
    wait_for(what, PATIENCE, async || {
        client.audit_list(&all).await.ok()?.value.items.into_iter().find(|entry| fits(entry))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_in_the_trail_with_all_there_is_to_know_before_it_is_answered() {
    let fleet = Fleet::start().await;
    fleet.worker("web-01", &[], Manner::Obliging).await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let answer = reqwest::Client::new()
        .put(fleet.url("/system/hostname?target=web-01"))
        .bearer_auth(fleet.token(&["admin"], &[]))
        .header("content-type", "application/json")
        .header("x-request-id", "request-42")
        .header("x-forwarded-for", "203.0.113.9")
        .header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"))
        .body(r#"{"hostname":"web-02"}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let body: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let page = fleet.admin().audit_list(&AuditFilter::default()).await.unwrap().value;
    let entry = page.items.iter().find(|entry| entry.request_id == "request-42").expect("it is there at once");
    assert_eq!((entry.user.as_str(), entry.roles.as_slice()), ("tester@example.com", &["admin".to_owned()][..]));
    assert_eq!((entry.method.as_str(), entry.path.as_str()), ("PUT", "/system/hostname"));
    assert_eq!(entry.operation_id.as_deref(), Some("system_hostname_update"));
    assert_eq!((entry.response_code, entry.target.as_deref()), (200, Some("web-01")));
    assert_eq!(entry.job_id.map(|job| job.to_string()).as_deref(), body["job_id"].as_str());
    assert_eq!(entry.trace_id.as_deref(), Some(trace));
    assert_eq!(entry.summary.as_deref(), Some(r#"system.hostname.update {"hostname":"web-02"}"#));
    assert_eq!(entry.source_ip, "127.0.0.1", "nobody asked to believe X-Forwarded-For");
    let by_id = fleet.admin().audit_get(&entry.id.to_string()).await.unwrap().value;
    assert_eq!(&by_id, entry);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_requests_are_in_the_trail_and_probes_are_not() {
    let fleet = Fleet::start().await;
    let read = fleet.token(&["read"], &[]);
    fleet.send("GET", "/api/v1/jobs", None, None).await;
    fleet.send("GET", "/api/v1/audit", Some(&read), None).await;
    fleet.send("GET", "/no/such/path", Some(&read), None).await;
    fleet.send("GET", "/metrics", None, None).await;
    let unauthenticated = entry(&fleet, "the 401", |entry| entry.response_code == 401).await;
    assert_eq!((unauthenticated.user.as_str(), unauthenticated.path.as_str()), ("", "/api/v1/jobs"));
    let denied = entry(&fleet, "the 403", |entry| entry.response_code == 403).await;
    assert_eq!((denied.user.as_str(), denied.operation_id.as_deref()), ("tester@example.com", Some("audit_list")));
    let unknown = entry(&fleet, "the 404", |entry| entry.response_code == 404).await;
    assert_eq!(unknown.operation_id, None);
    let all = fleet.admin().audit_list(&AuditFilter { limit: Some(1000), ..AuditFilter::default() }).await.unwrap();
    let probes = ["/health", "/health/ready", "/metrics"];
    assert!(all.value.items.iter().all(|entry| !probes.contains(&entry.path.as_str())));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_behind_a_trusted_proxy_is_the_last_address_that_is_none_of_ours() {
    let fleet = Fleet::with(|settings| {
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
    })
    .await;
    for (forwarded, source) in [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("garbage", "127.0.0.1"),
    ] {
        let request = reqwest::Client::new().get(fleet.url("/api/v1/jobs")).header("x-forwarded-for", forwarded);
        let answer = request.send().await.unwrap();
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(entry(&fleet, forwarded, |entry| entry.request_id == id).await.source_ip, source, "{forwarded}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_newest_first_filtered_and_do_not_shift() {
    let fleet = Fleet::start().await;
    for number in 0..10 {
        fleet.send("GET", &format!("/no/such/{number}"), Some(&fleet.token(&["read"], &[])), None).await;
    }
    entry(&fleet, "the last", |entry| entry.path == "/no/such/9").await;
    let client = fleet.admin();
    let mut filter = AuditFilter { limit: Some(3), path: Some("/no/such/".to_owned()), ..AuditFilter::default() };
    let mut paths = Vec::new();
    loop {
        let page = client.audit_list(&filter).await.unwrap().value;
        paths.extend(page.items.into_iter().map(|entry| entry.path));
        filter.cursor = page.next_cursor;
        if filter.cursor.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..10).rev().map(|number| format!("/no/such/{number}")).collect();
    assert_eq!(paths, expected);
    let skipped = AuditFilter { offset: Some(2), cursor: None, ..filter.clone() };
    let page = client.audit_list(&skipped).await.unwrap().value;
    assert_eq!(page.items[0].path, "/no/such/7");
    let none = AuditFilter { user: Some("nobody".to_owned()), ..AuditFilter::default() };
    assert!(client.audit_list(&none).await.unwrap().value.items.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_write_one_chain_and_an_export_proves_it() {
    let fleet = Fleet::start().await;
    let (other, _served) = serve_another(&fleet.connection, &fleet.shutdown, |_| {}).await;
    let http = reqwest::Client::new();
    let ask = async |address, number| {
        let url = format!("http://{address}/no/such/{number}");
        http.get(url).send().await.is_ok_and(|answer| answer.status() == 401)
    };
    let asked = (0..400).map(|number| ask(if number % 2 == 0 { fleet.address } else { other }, number));
    assert!(futures::future::join_all(asked).await.into_iter().all(|answered| answered));
    let client = fleet.admin();
    let count = AuditFilter { limit: Some(1000), path: Some("/no/such/".to_owned()), ..AuditFilter::default() };
    wait_for("all entries", PATIENCE, async || {
        (client.audit_list(&count).await.ok()?.value.items.len() == 400).then_some(())
    })
    .await;
    let verified = client.audit_verify(None).await.unwrap().value;
    assert!(verified.intact && verified.entries >= 400, "{verified:?}");
    let lines: Vec<String> = client.audit_export(None, None).await.unwrap().try_collect().await.unwrap();
    let mut check = ChainCheck::default();
    for line in &lines {
        check.look_at(&serde_json::from_str(line).unwrap());
    }
    let exported = check.finish(None);
    assert!(exported.intact && exported.entries >= verified.entries, "{exported:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_of_whole_batches_never_part_an_entry_from_the_one_before_it() {
    let fleet = Fleet::start().await;
    fleet.send("GET", "/no/such/path", None, None).await;
    let sample = entry(&fleet, "an entry", |entry| entry.path == "/no/such/path").await;
    let write = async || {
        let log = AuditLog::open(&fleet.connection, &AuditRetention::default()).await.unwrap();
        for _ in 0..20 {
            let batch: Vec<_> = (0..20).map(|_| AuditEntry { id: uuid::Uuid::new_v4(), ..sample.clone() }).collect();
            log.append(&batch).await.unwrap();
        }
        log
    };
    let (log, _) = tokio::join!(write(), write());
    let extent = log.extent().await.unwrap();
    let entries: Vec<AuditEntry> = log.read(extent.first, extent.last).try_collect().await.unwrap();
    let mut check = ChainCheck::default();
    entries.iter().for_each(|entry| check.look_at(entry));
    let verified = check.finish(Some(extent.last));
    assert!(verified.intact, "{verified:?}");
    let ids: std::collections::HashSet<_> = entries.iter().map(|entry| entry.id).collect();
    assert_eq!(ids.len(), entries.len(), "an entry is there once");
    assert!(entries.len() >= 800, "all are there");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_remove_an_entry_and_a_forged_one_shows() {
    let fleet = Fleet::start().await;
    fleet.send("GET", "/no/such/path", None, None).await;
    entry(&fleet, "an entry", |entry| entry.path == "/no/such/path").await;
    let before = fleet.admin().audit_verify(None).await.unwrap().value;
    assert!(before.intact);
    for (subject, payload) in
        [("$JS.API.STREAM.MSG.DELETE.osapi-AUDIT", r#"{"seq":1}"#), ("$JS.API.STREAM.PURGE.osapi-AUDIT", "{}")]
    {
        let answer = fleet.say(subject, payload).await;
        assert!(answer.contains("\"error\""), "{subject}: {answer}");
    }
    let forged = r#"{"user":"mallory"}"#;
    let stored = fleet.say("osapi.audit.00000000-0000-7000-8000-000000000000", forged).await;
    assert!(stored.contains("\"seq\""), "{stored}");
    let after = fleet.admin().audit_verify(None).await.unwrap().value;
    assert!(!after.intact, "{after:?}");
    let at = after.broken_at.unwrap();
    assert!(stored.contains(&format!("\"seq\":{at}")), "the place is told: {at}, {stored}");
    // The trail goes on after it.
    fleet.send("GET", "/no/such/other", None, None).await;
    entry(&fleet, "a later entry", |entry| entry.path == "/no/such/other").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_finds_little_goes_on_by_its_cursor_and_says_no_number_it_does_not_know() {
    let fleet = Fleet::with(|settings| settings.audit.look_through = 60).await;
    fleet.send("GET", "/no/such/path", None, None).await;
    let sample = entry(&fleet, "an entry", |entry| entry.path == "/no/such/path").await;
    let log = AuditLog::open(&fleet.connection, &AuditRetention::default()).await.unwrap();
    let of = |user: &str| AuditEntry { id: uuid::Uuid::new_v4(), user: user.to_owned(), ..sample.clone() };
    let mut entries = vec![of("rare"), of("rare")];
    entries.extend((0..80).map(|_| of("often")));
    // Each must be on disk within a bound, counted from when its batch is sent.
    for batch in entries.chunks(20) {
        log.append(batch).await.unwrap();
    }
    let client = fleet.admin();
    let all = client.audit_list(&AuditFilter::default()).await.unwrap().value;
    assert!(all.total_items.is_some_and(|total| total > 80), "{:?}", all.total_items);
    for offset in [None, Some(1)] {
        let mut filter = AuditFilter { user: Some("rare".to_owned()), offset, ..AuditFilter::default() };
        let first = client.audit_list(&filter).await.unwrap().value;
        assert_eq!((first.total_items, first.items.len()), (None, 0), "they are further back than one request looks");
        (filter.offset, filter.cursor) = (None, first.next_cursor);
        assert!(filter.cursor.is_some(), "it says that there is more to look at");
        let mut found = 0;
        while filter.cursor.is_some() {
            let part = client.audit_list(&filter).await.unwrap().value;
            found += part.items.len();
            filter.cursor = part.next_cursor;
        }
        assert_eq!(found, 2 - offset.unwrap_or(0));
    }
    let token = fleet.token(&["admin"], &[]);
    let part = async |query: &str| fleet.send("GET", &format!("/api/v1/audit?{query}"), Some(&token), None).await.1;
    let by_cursor = part("cursor=5").await["items"].clone();
    assert_eq!(part("cursor=5&offset=1").await["items"], by_cursor, "the cursor goes before the offset");
    assert_eq!(by_cursor[0]["sequence"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_that_was_removed_as_a_whole_begins_anew_and_a_known_hash_tells() {
    let fleet = Fleet::start().await;
    fleet.send("GET", "/no/such/path", None, None).await;
    entry(&fleet, "an entry", |entry| entry.path == "/no/such/path").await;
    let client = fleet.admin();
    let known = client.audit_verify(None).await.unwrap().value.last_hash.unwrap();
    assert!(client.audit_verify(Some(&known)).await.unwrap().value.intact);
    let answer = fleet.say("$JS.API.STREAM.DELETE.osapi-AUDIT", "").await;
    assert!(answer.contains("\"success\":true"), "{answer}");
    wait_for("the trail to go on without a restart", PATIENCE, async || {
        fleet.send("GET", "/no/such/other", None, None).await;
        let page = client.audit_list(&AuditFilter::default()).await.ok()?.value;
        page.items.iter().any(|entry| entry.path == "/no/such/other").then_some(())
    })
    .await;
    assert!(client.audit_verify(None).await.unwrap().value.intact, "the new one is whole by itself");
    let verified = client.audit_verify(Some(&known)).await.unwrap().value;
    assert!(!verified.intact && verified.reason.is_some(), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn making_sure_of_the_trail_leaves_its_size_as_it_was_set() {
    let fleet = Fleet::start().await;
    let log = AuditLog::open(&fleet.connection, &AuditRetention::default()).await.unwrap();
    let raised = AuditRetention { max_bytes: 3 << 30, ..AuditRetention::default() };
    AuditLog::open(&fleet.connection, &raised).await.unwrap();
    log.make_sure().await.unwrap();
    let info = fleet.say("$JS.API.STREAM.INFO.osapi-AUDIT", "").await;
    assert!(info.contains("\"max_bytes\":3221225472"), "{info}");
}
