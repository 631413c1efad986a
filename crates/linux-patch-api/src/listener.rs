//! The door: who is not on the whitelist hears nothing, who has no valid certificate gets no further than the handshake.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use jiff::Timestamp;
use osapi_pki::tls;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, error, warn};

use crate::audit_log;
use crate::live::Live;
use crate::request::Peer;
use crate::share::{Share, Shares};

/// How many connections are open at once; one more is closed unheard.
const CONNECTIONS_MAX: usize = 1024;
/// How many handshakes are made at once: they cost the most, and anybody on the whitelist can ask for them.
const HANDSHAKES_MAX: usize = 64;
/// How long a handshake may take, waiting for its turn included.
const HANDSHAKE_BOUND: Duration = Duration::from_secs(10);
/// How long a connection may be idle, or take to send the head of a request.
const HEAD_BOUND: Duration = Duration::from_secs(30);
/// How large the head of a request may be, in bytes.
const HEAD_MAX: usize = 64 * 1024;
/// After this a connection is closed when its requests are done, so that the certificate is checked anew.
const CONNECTION_AGE: Duration = Duration::from_secs(3600);
/// How long the requests of a connection have to end when it is to be closed.
const DRAIN_BOUND: Duration = Duration::from_secs(10);
/// The pause after the system could not give a connection, as when it has no more files to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Refusals of one cause are put down at most this often.
const REFUSAL_PAUSE: Duration = Duration::from_secs(1);

/// What all connections share.
struct Door {
    live: Live,
    router: Router,
    handshakes: Semaphore,
    shares: Shares,
    /// When cancelled, connections are closed as soon as their requests are done.
    shutdown: CancellationToken,
    /// When cancelled, connections are closed.
    abort: CancellationToken,
}

/// Serves until `shutdown`, then lets requests end for a while.
pub(crate) async fn serve(listener: TcpListener, live: Live, router: Router, shutdown: CancellationToken) {
    let connections = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let handshakes = Semaphore::new(HANDSHAKES_MAX);
    let abort = CancellationToken::new();
    let door = Arc::new(Door { live, router, handshakes, shares: Shares::default(), shutdown, abort });
    let mut refusals = Refusals::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = door.shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                if let Some((stream, place)) = admit(stream, address, &door, &slots, &mut refusals) {
                    connections.spawn(connection(stream, address.ip().to_canonical(), door.clone(), place));
                }
            }
            Err(error) => {
                warn!(%error, "could not accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if timeout(DRAIN_BOUND, connections.wait()).await.is_err() {
        warn!(open = connections.len(), "closing connections whose requests did not end in time");
        door.abort.cancel();
        connections.wait().await;
    }
}

/// Lets a peer in that is on the whitelist, while there is room. Another is cut off by a reset, before anything was read
/// or written: it learns no more than from a closed port.
fn admit(
    stream: TcpStream,
    address: SocketAddr,
    door: &Door,
    slots: &Arc<Semaphore>,
    refusals: &mut Refusals,
) -> Option<(TcpStream, Place)> {
    let peer = address.ip().to_canonical();
    let refuse = |stream: TcpStream| drop(stream.set_zero_linger());
    if !door.live.whitelist.borrow().allows(peer) {
        if let Some(suppressed) = refusals.denied.turn() {
            audit_log::denied(peer, suppressed);
        }
        refuse(stream);
        return None;
    }
    let share = door.shares.of(peer);
    let (Ok(slot), Ok(own)) = (slots.clone().try_acquire_owned(), share.connections.clone().try_acquire_owned()) else {
        if let Some(suppressed) = refusals.crowded.turn() {
            let of_all = CONNECTIONS_MAX - slots.available_permits();
            warn!(source = %peer, of_all, suppressed, "too many connections of this peer or of all, closing one more");
        }
        refuse(stream);
        return None;
    };
    // Answers are whole; waiting for more to send only delays them.
    drop(stream.set_nodelay(true));
    Some((stream, Place { share, _slots: [slot, own] }))
}

/// What a connection takes up while it lasts.
struct Place {
    share: Arc<Share>,
    _slots: [OwnedSemaphorePermit; 2],
}

/// When refusals were last put down, by cause.
#[derive(Default)]
struct Refusals {
    denied: Throttle,
    crowded: Throttle,
}

/// Keeps a flood of refused connections from becoming a flood of lines.
#[derive(Default)]
struct Throttle {
    last: Option<Instant>,
    suppressed: u64,
}

impl Throttle {
    /// Whether this one is put down, and how many were not since the last.
    fn turn(&mut self) -> Option<u64> {
        if self.last.is_some_and(|last| last.elapsed() < REFUSAL_PAUSE) {
            self.suppressed += 1;
            return None;
        }
        self.last = Some(Instant::now());
        Some(std::mem::take(&mut self.suppressed))
    }
}

async fn connection(stream: TcpStream, address: IpAddr, door: Arc<Door>, place: Place) {
    let handshake = timeout(HANDSHAKE_BOUND, handshake(stream, &door, &place.share));
    let shaken = tokio::select! {
        () = door.shutdown.cancelled() => return,
        shaken = handshake => shaken,
    };
    let stream = match shaken {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return audit_log::handshake_failed(address, &error.to_string()),
        Err(_) => return audit_log::handshake_failed(address, "it took too long"),
    };
    let Some(identity) = tls::peer(stream.get_ref().1.peer_certificates()) else {
        error!(%address, "a handshake succeeded without a readable certificate");
        return;
    };
    let peer = Peer { address, identity: Arc::new(identity) };
    requests(stream, peer, &door).await;
}

async fn handshake(stream: TcpStream, door: &Door, share: &Share) -> std::io::Result<TlsStream<TcpStream>> {
    let _own = share.handshakes.acquire().await.map_err(std::io::Error::other)?;
    let _turn = door.handshakes.acquire().await.map_err(std::io::Error::other)?;
    let config = door.live.tls.borrow().config.clone();
    TlsAcceptor::from(config).accept(stream).await
}

async fn requests(stream: TlsStream<TcpStream>, peer: Peer, door: &Door) {
    let builder = builder(stream.get_ref().1.alpn_protocol() == Some(b"h2"));
    let address = peer.address;
    let identity = peer.identity.clone();
    let shown = tls::shown(stream.get_ref().1.peer_certificates());
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer.clone());
        door.router.clone().oneshot(request)
    });
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut whitelist = door.live.whitelist.clone();
    let mut certificates = door.live.tls.clone();
    let mut time = pin!(sleep(CONNECTION_AGE));
    let mut closing = false;
    loop {
        tokio::select! {
            served = &mut serving => {
                if let Err(error) = served {
                    debug!(%address, %error, "the connection ended");
                }
                return;
            }
            () = door.abort.cancelled() => return,
            Ok(()) = whitelist.changed() => {
                if !whitelist.borrow_and_update().allows(address) {
                    return audit_log::denied(address, 0);
                }
                continue;
            }
            Ok(()) = certificates.changed() => {
                if let Err(reason) = certificates.borrow_and_update().admits(&shown, Timestamp::now()) {
                    return audit_log::cut_off(address, &identity, &reason.to_string());
                }
                continue;
            }
            () = door.shutdown.cancelled(), if !closing => {}
            () = &mut time => {}
        }
        if closing {
            debug!(%address, "the connection did not end in time");
            return;
        }
        closing = true;
        serving.as_mut().graceful_shutdown();
        time.as_mut().reset(Instant::now() + DRAIN_BOUND);
    }
}

/// The protocol is that of the handshake. Told so, hyper needs not guess from the first bytes, for which it sets no time.
fn builder(h2: bool) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_BOUND).max_buf_size(HEAD_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD_BOUND)
        .keep_alive_timeout(HEAD_BOUND)
        .max_header_list_size(HEAD_MAX as u32)
        .max_concurrent_streams(64);
    if h2 { builder.http2_only() } else { builder.http1_only() }
}
