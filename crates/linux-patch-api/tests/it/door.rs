//! Who gets in, and what the others see.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use jiff::Timestamp;
use osapi_pki::{Authorities, Credentials, tls};
use osapi_testkit::wait_for;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

use crate::agent::{Agent, BOUND};
use crate::place::Place;

/// Connects from a given address of the loopback network.
async fn connect(agent: &Agent, from: &str) -> io::Result<TcpStream> {
    let from: IpAddr = from.parse().unwrap();
    let (socket, to) = match from {
        IpAddr::V4(_) => (TcpSocket::new_v4().unwrap(), IpAddr::from(Ipv4Addr::LOCALHOST)),
        IpAddr::V6(_) => (TcpSocket::new_v6().unwrap(), IpAddr::from(Ipv6Addr::LOCALHOST)),
    };
    socket.bind(SocketAddr::new(from, 0)).unwrap();
    socket.connect(SocketAddr::new(to, agent.place.port)).await
}

/// All bytes that come until the other side closes.
async fn heard(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let reading = stream.read_to_end(&mut bytes);
    // A reset ends it as well as an orderly close does.
    drop(tokio::time::timeout(BOUND, reading).await.expect("the connection is closed in time"));
    bytes
}

/// Goes through the handshake and asks for health, so that the server's verdict on the client is heard: in TLS 1.3 a
/// client is done before the server has looked at its certificate.
async fn ask(agent: &Agent, trusted: &Place, credentials: Option<&Credentials>) -> io::Result<String> {
    ask_from(agent, trusted, credentials, "127.0.0.1").await
}

async fn ask_from(agent: &Agent, trusted: &Place, credentials: Option<&Credentials>, from: &str) -> io::Result<String> {
    let authorities = Authorities::load(&trusted.path("certs/ca.pem"), Timestamp::now()).unwrap();
    let config = tls::client_config(&authorities, credentials).unwrap();
    let stream = connect(agent, from).await?;
    let mut stream = TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await?;
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

#[tokio::test]
async fn a_client_of_the_authority_is_let_in_and_nobody_else() {
    let (agent, stranger) = (Agent::start().await, Place::new());
    let place = &agent.place;
    let said = ask(&agent, place, Some(&place.client("client"))).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 200 OK"), "{said}");

    let late = place.expired_client();
    let foreign = stranger.client("client");
    for (who, credentials) in [("nobody", None), ("late", Some(&late)), ("foreign", Some(&foreign))] {
        let error = ask(&agent, place, credentials).await.expect_err(who);
        assert!(
            error.to_string().contains("alert") || error.kind() == io::ErrorKind::ConnectionReset,
            "{who}: {error}"
        );
    }
    agent.stop().await;
}

#[tokio::test]
async fn a_client_is_not_fooled_by_another_authority() {
    let (agent, stranger) = (Agent::start().await, Place::new());
    let error = ask(&agent, &stranger, Some(&agent.place.client("client"))).await.unwrap_err();
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    agent.stop().await;
}

#[tokio::test]
async fn tls_1_2_is_refused() {
    let agent = Agent::start().await;
    let mut stream = connect(&agent, "127.0.0.1").await.unwrap();
    // A ClientHello of TLS 1.2: version 3.3, 32 bytes of random, no session, one suite, no compression, no extensions.
    let mut hello = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x2b, 1, 0]);
    stream.write_all(&hello).await.unwrap();
    let said = heard(&mut stream).await;
    // An alert, fatal: protocol_version, or handshake_failure for want of what TLS 1.3 needs.
    assert!(matches!(said.as_slice(), [0x15, 3, 3, 0, 2, 2, 70 | 40 | 109 | 47]), "{said:?}");
    agent.stop().await;
}

#[tokio::test]
async fn plain_http_gets_no_answer() {
    let agent = Agent::start().await;
    let mut stream = connect(&agent, "127.0.0.1").await.unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let said = heard(&mut stream).await;
    assert!(!said.starts_with(b"HTTP") && said.len() <= 7, "{said:?}");
    agent.stop().await;
}

#[tokio::test]
async fn who_is_not_on_the_whitelist_hears_not_one_byte() {
    let agent = Agent::start().await;
    // Silent or with a handshake, the answer is the same: none.
    for greeting in [&b""[..], b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = connect(&agent, "127.0.0.2").await.unwrap();
        // It may be reset before we have written.
        drop(stream.write_all(greeting).await);
        assert_eq!(heard(&mut stream).await, b"", "{greeting:?}");
    }
    assert_eq!(agent.get("/health").await.status, 200);
    agent.stop().await;
}

#[tokio::test]
async fn who_is_taken_off_the_whitelist_is_cut_off_also_on_an_open_connection() {
    let agent = Agent::start().await;
    let place = &agent.place;
    let kept = place.http(Some(&place.client("client")), true);
    assert_eq!(kept.get(place.url("/health")).send().await.unwrap().status(), 200);
    place.write("whitelist.yaml", "entries:\n  - 127.0.0.2\n");
    wait_for("127.0.0.1 to be cut off", BOUND, async || kept.get(place.url("/health")).send().await.err()).await;

    let mut stream = connect(&agent, "127.0.0.1").await.unwrap();
    assert_eq!(heard(&mut stream).await, b"");
    assert!(tokio::time::timeout(BOUND, connect(&agent, "127.0.0.2")).await.unwrap().is_ok());
    agent.stop().await;
}

#[tokio::test]
async fn http_2_is_spoken_to_who_asks_for_it() {
    let agent = Agent::start().await;
    let place = &agent.place;
    let authorities = Authorities::load(&place.path("certs/ca.pem"), Timestamp::now()).unwrap();
    let mut config = tls::client_config(&authorities, Some(&place.client("client"))).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let client = reqwest::Client::builder().tls_backend_preconfigured(config).no_proxy().build().unwrap();
    let response = client.get(place.url("/health")).send().await.unwrap();
    assert_eq!((response.version(), response.status().as_u16()), (reqwest::Version::HTTP_2, 200));
    agent.stop().await;
}

#[tokio::test]
async fn both_families_are_served_and_held_to_the_whitelist() {
    if TcpSocket::new_v6().and_then(|socket| socket.bind((Ipv6Addr::LOCALHOST, 0).into())).is_err() {
        println!("skipped: this machine has no IPv6");
        return;
    }
    let place = Place::new();
    let text = std::fs::read_to_string(place.path("config.yaml")).unwrap();
    place.write("config.yaml", &text.replace("bind: 127.0.0.1", "bind: \"::\""));
    place.write("whitelist.yaml", "entries:\n  - 127.0.0.1\n  - '::1'\n");
    let agent = Agent::start_at(place).await;
    let own = agent.place.client("client");
    for from in ["127.0.0.1", "::1"] {
        let said = ask_from(&agent, &agent.place, Some(&own), from).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 200 OK"), "{from}: {said}");
    }
    let mut stream = connect(&agent, "127.0.0.2").await.unwrap();
    assert_eq!(heard(&mut stream).await, b"");
    agent.stop().await;
}

#[tokio::test]
async fn a_request_under_way_is_answered_while_the_agent_stops() {
    let agent = Agent::start().await;
    let place = &agent.place;
    let authorities = Authorities::load(&place.path("certs/ca.pem"), Timestamp::now()).unwrap();
    let config = tls::client_config(&authorities, Some(&place.client("client"))).unwrap();
    let stream = connect(&agent, "127.0.0.1").await.unwrap();
    let mut stream =
        TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let head = "PUT /api/v1/system/hostname HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                content-length: 2\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut buffer = [0; 25];
    stream.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"HTTP/1.1 100 Continue\r\n\r\n", "the handler waits for the body");

    agent.begin_to_stop();
    wait_for("the port to be closed", BOUND, async || connect(&agent, "127.0.0.1").await.err()).await;
    stream.write_all(b"{}").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 400") && text.contains("missing field `hostname`"), "{text}");
    agent.stop().await;
}

#[tokio::test]
async fn who_says_nothing_shuts_out_itself_alone() {
    let place = Place::new();
    place.write("whitelist.yaml", "entries:\n  - 127.0.0.1\n  - 127.0.0.2\n");
    let agent = Agent::start_at(place).await;
    // More than one address may have open. Some are reset, where an orderly end comes when a handshake takes too long.
    let mut silent = Vec::new();
    let mut reset = false;
    for _ in 0..300 {
        match connect(&agent, "127.0.0.2").await {
            Ok(stream) => silent.push(stream),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => reset = true,
            Err(error) => panic!("{error}"),
        }
    }
    let said = ask(&agent, &agent.place, Some(&agent.place.client("client"))).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 200 OK"), "{said}");
    while let Some(mut stream) = silent.pop().filter(|_| !reset) {
        let read = tokio::time::timeout(BOUND, stream.read(&mut [0])).await.expect("it is closed in time");
        reset = read.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset);
    }
    assert!(reset, "one address could open as many connections as it liked");
}
