//! One connection: TLS where configured, HTTP/1.1 or HTTP/2, with bounds on what a slow or greedy peer can hold.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::aliases;
use crate::app::App;
use crate::settings::LimitSettings;

/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 128;

/// The most of the head of a request, in bytes.
const HEAD: u32 = 32 * 1024;

/// An idle HTTP/2 peer is asked whether it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// What all connections share.
#[derive(Clone)]
pub(super) struct Front {
    router: Router,
    builder: Builder<TokioExecutor>,
    tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    limits: LimitSettings,
    metrics_path: Arc<str>,
    /// One permit per connection.
    room: Arc<Semaphore>,
    /// Cancelled when draining has taken too long.
    cut: CancellationToken,
}

/// A connection, its peer, and its place among the connections.
pub(super) struct Accepted {
    stream: TcpStream,
    peer: SocketAddr,
    _place: OwnedSemaphorePermit,
}

impl Front {
    pub(super) fn new(router: Router, app: &App) -> Self {
        let limits = app.settings.limits.clone();
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(HEAD as usize);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD)
            .keep_alive_interval(KEEP_ALIVE);
        Self {
            router,
            builder,
            tls: app.settings.tls.clone(),
            room: Arc::new(Semaphore::new(limits.connections)),
            limits,
            metrics_path: app.settings.metrics.path.as_str().into(),
            cut: CancellationToken::new(),
        }
    }

    pub(super) const fn drain(&self) -> Duration {
        self.limits.drain
    }

    /// Ends every connection at once.
    pub(super) fn cut(&self) {
        self.cut.cancel();
    }

    /// The next connection, once there is room for it.
    pub(super) async fn next(&self, listener: &TcpListener) -> std::io::Result<Accepted> {
        let place = Arc::clone(&self.room).acquire_owned().await.map_err(std::io::Error::other)?;
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(Accepted { stream, peer, _place: place })
    }

    /// Serves a connection to its end.
    pub(super) async fn serve(self, accepted: Accepted, watcher: Watcher) {
        let Accepted { stream, peer, _place } = accepted;
        let cut = self.cut.clone();
        let served = async {
            let tls = self.tls.as_ref().map(|tls| TlsAcceptor::from(Arc::clone(&tls.borrow())));
            match tls {
                None => self.exchange(stream, peer, watcher).await,
                Some(tls) => match tokio::time::timeout(self.limits.header_timeout, tls.accept(stream)).await {
                    Ok(Ok(stream)) => self.exchange(stream, peer, watcher).await,
                    Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
                    Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
                },
            }
        };
        cut.run_until_cancelled(served).await;
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        watcher: Watcher,
    ) {
        let (router, metrics_path) = (self.router.clone(), Arc::clone(&self.metrics_path));
        let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
            let mut request: Request = request.map(axum::body::Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let request = aliases::understand(request, &metrics_path);
            let router = router.clone();
            async move {
                let answered: Result<Response, std::convert::Infallible> = router.oneshot(request).await;
                answered
            }
        });
        let connection = self.builder.serve_connection(TokioIo::new(stream), service).into_owned();
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%peer, error, "a connection ended with an error");
        }
    }
}
