//! A name server that gives every name the same address, so that a test can tell by the answer who was asked.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(50);
const TYPE_A: [u8; 2] = [0, 1];

/// A name server on a thread of its own; dropped, it stops answering.
pub struct NameServer {
    stop: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// Answers on that socket.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(socket: UdpSocket, answer: Ipv4Addr) -> anyhow::Result<Self> {
        socket.set_read_timeout(Some(TICK))?;
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (stopped, names) = (Arc::clone(&stop), Arc::clone(&asked));
        let thread = std::thread::Builder::new().name("name-server".to_owned()).spawn(move || {
            let mut buffer = [0; 1500];
            while !stopped.load(Ordering::Relaxed) {
                let Ok((length, peer)) = socket.recv_from(&mut buffer) else { continue };
                let Some((name, reply)) = reply(&buffer[..length], answer) else { continue };
                names.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(name);
                // One who is gone needs no answer.
                let _ = socket.send_to(&reply, peer);
            }
        })?;
        Ok(Self { stop, asked, thread: Some(thread) })
    }

    /// The names it was asked for, oldest first, in lower case.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It ends within a tick; had it panicked, the test saw no answers.
            let _ = thread.join();
        }
    }
}

/// The name asked for, and the answer: the address for an A question, nothing for any other.
fn reply(query: &[u8], answer: Ipv4Addr) -> Option<(String, Vec<u8>)> {
    let (id, mut rest) = (query.get(..2)?, query.get(12..)?);
    let mut labels = Vec::new();
    loop {
        let (&length, after) = rest.split_first()?;
        let length = usize::from(length);
        if length == 0 {
            rest = after;
            break;
        }
        labels.push(String::from_utf8_lossy(after.get(..length)?).to_ascii_lowercase());
        rest = after.get(length..)?;
    }
    let kind = rest.get(..2)?;
    let question = query.get(12..query.len() - rest.len() + 4)?;
    let answers = u8::from(kind == TYPE_A);
    let mut reply = [id, &[0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0], question].concat();
    if answers == 1 {
        // The name (a pointer to the question), A, IN, five seconds to live, four bytes.
        reply.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4]);
        reply.extend(answer.octets());
    }
    Some((labels.join("."), reply))
}
