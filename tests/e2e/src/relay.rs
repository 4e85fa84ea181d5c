//! A TCP relay on loopback that can be cut, as a cable can.

use std::io::{Result, copy};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A relay to one port. It ends with the process.
#[derive(Debug)]
pub struct Relay {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    line: Arc<Mutex<Line>>,
}

#[derive(Debug, Default)]
struct Line {
    cut: bool,
    sockets: Vec<TcpStream>,
}

impl Relay {
    /// Starts a relay to `target` on loopback.
    pub fn start(target: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let line = Arc::new(Mutex::new(Line::default()));
        let accepting = Arc::clone(&line);
        std::thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                // A connection that is refused is what a cut line looks like.
                let _ = carry(&accepting, near, target);
            }
        });
        Ok(Self { port, line })
    }

    /// Breaks every connection; new ones break at once.
    pub fn cut(&self) {
        let mut line = lock(&self.line);
        line.cut = true;
        for socket in line.sockets.drain(..) {
            // It may have ended by itself.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// New connections come through again.
    pub fn mend(&self) {
        lock(&self.line).cut = false;
    }
}

fn lock(line: &Mutex<Line>) -> std::sync::MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

fn carry(line: &Mutex<Line>, near: TcpStream, target: u16) -> Result<()> {
    let mut line = lock(line);
    if line.cut {
        return Ok(());
    }
    let far = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, target)))?;
    for (from, to) in [(&near, &far), (&far, &near)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        std::thread::spawn(move || {
            // Either side may hang up at any moment.
            let _ = copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
        });
    }
    line.sockets.extend([near, far]);
    Ok(())
}
