//! The server: it accepts connections, within limits, until it is told to stop, and then ends what it has begun.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use gavel_reward::{Client, Workspace};
use gavel_verify::{Refreshed, Reward as _};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use crate::app::{App, NamedReward, ServeOptions, stopped};
use crate::listener::Listener;
use crate::programs::Programs;
use crate::routes::router;
use crate::shared;

/// How often it is looked whether to stop.
const TICK: Duration = Duration::from_millis(50);

/// How often to look for changes of rewards.
const LOOK: Duration = Duration::from_millis(500);

/// How long the head of a request may take, and how long a connection may lie idle: longer than clients keep theirs, so
/// that none is closed just as it is used again.
const HEAD: Duration = Duration::from_secs(75);

/// The most bytes of a request's head.
const LARGEST_HEAD: usize = 64 << 10;

/// What is said of a reward that has changed, or that would have.
type Notice = Box<dyn Fn(&str, &Refreshed) + Send + Sync>;

/// Why a server does not start, or stops.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Two rewards have the same name, or one has a name that no address can hold.
    #[error("`{name}` is no name for a reward: letters, digits, `-` and `_`, each name once")]
    RewardName {
        /// The name.
        name: String,
    },
    /// There are tasks of a reward that is not served.
    #[error("there is no reward `{name}` to have tasks: --tasks NAME=FILE, with the name of a --reward")]
    TasksOfNone {
        /// The name.
        name: String,
    },
    /// The address can be reached from other machines, and nothing keeps anybody out.
    #[error("{address} can be reached from other machines: name a --token-file, or listen at 127.0.0.1")]
    Open {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened at.
    #[error("cannot listen at {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The machine has no threads left.
    #[error("cannot start the server's threads")]
    Runtime(#[source] io::Error),
}

/// A server that listens and answers nobody yet.
pub struct Server {
    listener: TcpListener,
    app: Arc<App>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("options", &self.app.options).finish_non_exhaustive()
    }
}

impl Server {
    /// Listens. From now on connections are accepted, and wait for [`Server::run`].
    ///
    /// # Errors
    /// When a reward has no fitting name, or the address cannot be had, or is open to everybody.
    pub fn bind(
        options: ServeOptions,
        workspace: Workspace,
        rewards: Vec<NamedReward>,
        programs: Programs,
    ) -> Result<Self, ServeError> {
        let listener = listen(&options)?;
        Self::on(listener, options, workspace, rewards, programs)
    }

    /// As [`Server::bind`], where somebody listens already; see [`listen`].
    ///
    /// # Errors
    /// When a reward has no fitting name.
    pub fn on(
        listener: TcpListener,
        options: ServeOptions,
        workspace: Workspace,
        rewards: Vec<NamedReward>,
        programs: Programs,
    ) -> Result<Self, ServeError> {
        for (place, NamedReward { name, .. }) in rewards.iter().enumerate() {
            let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
            let is_first = rewards[..place].iter().all(|other| other.name != *name);
            if name.is_empty() || !name.chars().all(fits) || !is_first {
                return Err(ServeError::RewardName { name: name.clone() });
            }
        }
        let is_served = |name: &str| rewards.iter().any(|reward| reward.name == name);
        if let Some(of_none) = options.tasks.iter().find(|tasks| !is_served(&tasks.reward)) {
            return Err(ServeError::TasksOfNone { name: of_none.reward.clone() });
        }
        Ok(Self { listener, app: Arc::new(App::new(options, workspace, rewards, programs)) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop` says so, then no longer accepts anything, finishes what was accepted and comes back.
    ///
    /// With `notice` rewards take up what changes of their files, and it is told of each change.
    ///
    /// # Errors
    /// When the machine has no threads left.
    pub fn run(self, stop: impl Fn() -> bool, notice: Option<Notice>) -> Result<(), ServeError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(self.app.workspace.workers().get().min(8))
            .thread_name("gavel-serve")
            .enable_all()
            .build()
            .map_err(ServeError::Runtime)?;
        let Self { listener, app } = self;
        if let Some(notice) = notice {
            watch_rewards(&app, notice).map_err(ServeError::Runtime)?;
        }
        let served = runtime.block_on(async {
            let is_shared = app.options.process.is_some();
            let listener = Listener::new(listener, is_shared).map_err(ServeError::Runtime)?;
            tokio::spawn(shared::leave_often(Arc::clone(&app)));
            serve(&app, &listener, stop).await;
            shared::leave_now(&app);
            Ok(())
        });
        // What has not ended by now has had its time.
        runtime.shutdown_timeout(Duration::from_millis(100));
        served
    }
}

/// Listens at the address of the options. Several processes may answer at the same listener.
///
/// # Errors
/// When the address cannot be had, or is open to everybody.
pub fn listen(options: &ServeOptions) -> Result<TcpListener, ServeError> {
    let address = options.listen;
    if !address.ip().is_loopback() && options.token.is_none() {
        return Err(ServeError::Open { address });
    }
    let listen = || -> io::Result<TcpListener> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|source| ServeError::Listen { address, source })
}

async fn serve(app: &Arc<App>, listener: &Listener, stop: impl Fn() -> bool) {
    let router = router(app);
    let room = Arc::new(Semaphore::new(app.options.max_connections));
    let mut enough = pin!(async {
        while !stop() {
            sleep(TICK).await;
        }
    });
    let mut client = 0;
    loop {
        let accepted = async {
            let place = Arc::clone(&room).acquire_owned().await;
            let open = app.options.max_connections.saturating_sub(room.available_permits() + 1);
            (place, listener.accept(open).await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut enough => break,
            accepted = accepted => accepted,
        };
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                // Too many open files, or a connection that has gone again: either passes.
                tracing::warn!("cannot accept a connection: {error}");
                sleep(TICK).await;
                continue;
            }
        };
        client += 1;
        let held = Held { client: Client(client), _place: place.ok().map(Arc::new) };
        let connection = connection(stream, router.clone(), held, HEAD.min(app.options.timeout));
        let mut stopping = app.listen_for_stop();
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                // One that lies idle is closed, another when it is answered.
                () = stopped(&mut stopping) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!("a connection ended: {error}");
            }
        });
    }
    app.stop();
    tokio::select! {
        () = app.all_ended() => {}
        () = sleep(app.options.drain) => tracing::warn!("some requests did not end in time"),
    }
}

/// What a connection has for as long as it lasts, also where it becomes a session.
#[derive(Clone)]
pub(crate) struct Held {
    /// Each connection is a client of its own, and all are served in turn.
    pub(crate) client: Client,
    /// Its place among the connections.
    _place: Option<Arc<OwnedSemaphorePermit>>,
}

fn connection(
    stream: TcpStream,
    router: Router,
    held: Held,
    head: Duration,
) -> hyper::server::conn::http1::UpgradeableConnection<
    TokioIo<TcpStream>,
    impl hyper::service::HttpService<
        Incoming,
        ResBody = axum::body::Body,
        Error = std::convert::Infallible,
        Future: Send,
    > + Send,
> {
    // A small answer must not wait for the next one.
    drop(stream.set_nodelay(true));
    let service = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(held.clone());
        hyper::service::Service::call(&service, request)
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
}

/// Looks for changes of rewards on a thread of its own, since loading one may take long. It ends with the server.
fn watch_rewards(app: &Arc<App>, notice: Notice) -> io::Result<()> {
    let app = Arc::downgrade(app);
    let watch = move || {
        loop {
            std::thread::sleep(LOOK);
            let Some(app) = app.upgrade() else { return };
            for (place, (name, reward)) in app.rewards.iter().enumerate() {
                let Some(refreshed) = reward.refresh() else { continue };
                let taken_up = matches!(refreshed, Refreshed::Changed(_));
                app.stats.refreshed(place, taken_up);
                if taken_up {
                    tracing::info!(reward = name, "reloaded");
                }
                notice(name, &refreshed);
            }
        }
    };
    std::thread::Builder::new().name("gavel-watch".to_owned()).spawn(watch).map(drop)
}
