//! A host's port and its connections.
use super::rpc::serve_stream;
use crate::Failure;
use crate::host::Host;
use crate::host::switches::Availability;
use sia_mux::{ConnSettings, Mux};
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

pub struct Listener {
    pub host: Arc<Host>,
    packets: ConnSettings,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
    sockets: Sockets,
}

/// Second handles of the open sockets: the mux keeps the first one for itself and closes it only when both sides agree.
type Sockets = Arc<Mutex<Vec<std::net::TcpStream>>>;

impl Listener {
    pub async fn open(host: Arc<Host>, packets: ConnSettings) -> Result<Listener, Failure> {
        let socket = TcpListener::bind("127.0.0.1:0").await?;
        let address = socket.local_addr()?;
        let mut listener = Listener { host, packets, address, accepting: None, sockets: Sockets::default() };
        listener.accept(socket);
        Ok(listener)
    }

    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Opens or closes the port as the host's switches say. The port stays the same.
    pub async fn match_availability(&mut self) -> Result<(), Failure> {
        let is_wanted = self.host.switches.borrow().availability != Availability::Offline;
        if is_wanted && self.accepting.is_none() {
            let socket = TcpListener::bind(self.address).await?;
            self.accept(socket);
        }
        if !is_wanted && let Some(accepting) = self.accepting.take() {
            accepting.abort();
            let _ = accepting.await;
            for socket in self.sockets.lock().unwrap().drain(..) {
                let _ = socket.shutdown(Shutdown::Both);
            }
        }
        Ok(())
    }

    fn accept(&mut self, socket: TcpListener) {
        let (host, packets, sockets) = (self.host.clone(), self.packets, self.sockets.clone());
        self.accepting = Some(tokio::spawn(async move {
            // Dropped with this task, which ends what they do.
            let mut connections = JoinSet::new();
            while let Ok((tcp, _)) = socket.accept().await {
                connections.spawn(serve_connection(host.clone(), tcp, packets, sockets.clone()));
            }
        }));
    }
}

async fn serve_connection(host: Arc<Host>, tcp: TcpStream, packets: ConnSettings, sockets: Sockets) {
    host.counters.lock().unwrap().connections += 1;
    let Ok((tcp, handle)) = second_handle(tcp) else { return };
    if let Ok(copy) = handle.try_clone() {
        sockets.lock().unwrap().push(copy);
    }
    until_not_silent(&host).await;
    let why = match sia_mux::accept_with_settings(tcp, &host.identity, packets).await {
        Err(error) => format!("handshake: {error}"),
        Ok(mux) => {
            let why = serve_mux(&host, &mux).await;
            if host.switches.borrow().keeps_failed_connections {
                // The crate's own behaviour: nothing closes the socket.
                std::future::pending::<()>().await;
            }
            why
        }
    };
    host.counters.lock().unwrap().end(why);
    let _ = handle.shutdown(Shutdown::Both);
}

fn second_handle(tcp: TcpStream) -> std::io::Result<(TcpStream, std::net::TcpStream)> {
    let tcp = tcp.into_std()?;
    let handle = tcp.try_clone()?;
    Ok((TcpStream::from_std(tcp)?, handle))
}

/// @returns why the connection ended
async fn serve_mux(host: &Arc<Host>, mux: &Mux) -> String {
    let mut streams = JoinSet::new();
    loop {
        match mux.accept_stream().await {
            Ok(stream) => {
                streams.spawn(serve_stream(host.clone(), stream));
                while streams.try_join_next().is_some() {}
            }
            Err(error) => return error.to_string(),
        }
    }
}

/// Returns at once unless the host is to answer nothing; then when that is over.
pub async fn until_not_silent(host: &Host) {
    let mut switches = host.switches.subscribe();
    let _ = switches.wait_for(|now| now.availability != Availability::Silent).await;
}
