//! `network.ping.do` in a network of its own, where 10.88.0.53 answers and nobody else does.

use osapi_testkit::lab::Lab;
use serde_json::{Value, json};

use crate::lab_host::{Answer, carry_out, prepare};

async fn host() -> anyhow::Result<Option<Lab>> {
    let Some(preparation) = prepare() else { return Ok(None) };
    let lab = preparation.enter().await?;
    lab.shell("ip address add 10.88.0.2/24 dev eth0; ip address add fd88::2/64 dev eth0 nodad; ip link set eth0 up")
        .await?;
    lab.shell("echo '10.88.0.53 alive' >>/etc/hosts; echo 'hosts: files' >/etc/nsswitch.conf").await?;
    Ok(Some(lab))
}

async fn ping(lab: &Lab, data: Value) -> anyhow::Result<Answer> {
    carry_out(lab, &[], "network.ping.do", data).await
}

#[tokio::test]
async fn a_live_address_answers_every_request() -> anyhow::Result<()> {
    let Some(lab) = host().await? else { return Ok(()) };
    for address in ["10.88.0.53", "fd88::1", "alive", "127.0.0.1", "::1"] {
        let got = ping(&lab, json!({ "address": address, "count": 2, "interval_ms": 200 })).await?.outcome()?;
        assert_eq!((&got["packets_sent"], &got["packets_received"]), (&json!(2), &json!(2)), "{address}: {got}");
        assert_eq!(got["packet_loss"], json!(0.0), "{address}");
        let time = |field: &str| got[field].as_f64().unwrap_or(-1.0);
        assert!(0.0 < time("min_rtt_ms") && time("min_rtt_ms") <= time("avg_rtt_ms"), "{address}: {got}");
        assert!(time("avg_rtt_ms") <= time("max_rtt_ms"), "{address}: {got}");
    }
    Ok(())
}

#[tokio::test]
async fn a_dead_address_is_a_loss_and_no_error() -> anyhow::Result<()> {
    let Some(lab) = host().await? else { return Ok(()) };
    for address in ["10.88.0.99", "fd88::99"] {
        let ask = json!({ "address": address, "count": 2, "interval_ms": 200, "timeout_ms": 100 });
        let got = ping(&lab, ask).await?.outcome()?;
        assert_eq!(
            got,
            json!({ "address": address, "packets_sent": 2, "packets_received": 0, "packet_loss": 100.0 }),
            "{address}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn part_of_the_answers_is_part_of_the_loss() -> anyhow::Result<()> {
    let Some(lab) = host().await? else { return Ok(()) };
    // The address goes away for good between the first request and the last.
    let asking = ping(&lab, json!({ "address": "10.88.0.54", "count": 10, "interval_ms": 200, "timeout_ms": 300 }));
    let cutting = async {
        let first = "until ip -s -j link show eth0 | grep -q '\"tx\":{\"bytes\":[0-9]*,\"packets\":[3-9]'; do :; done";
        lab.shell(&format!("{first}; sleep 0.5; ip link set eth0 down")).await
    };
    let (got, cut) = tokio::join!(asking, cutting);
    cut?;
    let got = got?.outcome()?;
    let received = got["packets_received"].as_u64().unwrap_or_default();
    assert!((1..10).contains(&received), "{got}");
    assert_eq!(got["packets_sent"], json!(10));
    assert_eq!(got["packet_loss"], json!((10 - received) as f64 * 10.0));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_pinged_is_said() -> anyhow::Result<()> {
    let Some(lab) = host().await? else { return Ok(()) };
    for (data, code, part) in [
        (json!({ "address": "192.0.2.1" }), "unavailable", "no route to `192.0.2.1`"),
        (json!({ "address": "nobody.example" }), "not_found", "`nobody.example` does not resolve"),
        (json!({ "address": "127.0.0.1", "count": 101 }), "invalid", "`count` must be 1 to 100"),
        (json!({ "address": "127.0.0.1", "count": 0 }), "invalid", "`count`"),
        (json!({ "address": "127.0.0.1", "interval_ms": 199 }), "invalid", "`interval_ms`"),
        (json!({ "address": "127.0.0.1", "timeout_ms": 10001 }), "invalid", "`timeout_ms`"),
    ] {
        let (got, message) = ping(&lab, data.clone()).await?.failure()?;
        assert_eq!(got, code, "{data}: {message}");
        assert!(message.contains(part), "{data}: {message}");
    }
    Ok(())
}

#[tokio::test]
async fn without_privileges_it_pings_only_where_the_host_allows_it() -> anyhow::Result<()> {
    let Some(lab) = host().await? else { return Ok(()) };
    let ask = r#"{"type":"network.ping.do","data":{"address":"127.0.0.1","count":1}}"#;
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "carry-out"];
    let refused = lab.feed(&nobody, ask).await?.success("carry-out")?;
    assert!(refused.contains(r#""code":"forbidden""#) && refused.contains("ping_group_range"), "{refused}");
    lab.shell("echo 0 65534 >/proc/sys/net/ipv4/ping_group_range").await?;
    let got = lab.feed(&nobody, ask).await?.success("carry-out")?;
    assert!(got.contains(r#""packets_received":1"#), "{got}");
    Ok(())
}

#[tokio::test]
async fn one_that_is_called_off_ends_at_once() -> anyhow::Result<()> {
    let operation = serde_json::from_value(json!({
        "type": "network.ping.do",
        "data": { "address": "127.0.0.1", "count": 100, "interval_ms": 10000 },
    }))?;
    let context = osapi_host::Context::alone();
    let calling_off = async {
        tokio::task::yield_now().await;
        context.cancel.cancel();
    };
    let system = osapi_host::System::local();
    let (result, ()) = tokio::join!(osapi_host::carry_out(&system, &operation, &context), calling_off);
    let failure = result.unwrap_err();
    // Where we may not ping at all there was nothing to call off.
    assert!(failure.message.contains("called off") || failure.code == osapi_core::ErrorCode::Forbidden, "{failure:?}");
    Ok(())
}
