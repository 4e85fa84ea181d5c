//! A DNS server for tests: the SRV records that it is given, and loopback as the address of every name. It puts its
//! answers together by hand, so that it does not share the client's library.

use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::UdpSocket;

const A: u16 = 1;
const SRV: u16 = 33;
/// Length of the header, where the question begins.
const HEADER: usize = 12;

/// Serves SRV records (name, target, port, priority), names with the dot at their end. It runs as a task of its own.
pub async fn dns(records: Vec<(&'static str, &'static str, u16, u16)>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("bound");
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((count, from)) = socket.recv_from(&mut buffer).await {
            let _ = socket.send_to(&answer(&buffer[..count], &records), from).await;
        }
    });
    address
}

/// The answer to one request.
fn answer(request: &[u8], records: &[(&str, &str, u16, u16)]) -> Vec<u8> {
    let (mut name, mut at) = (String::new(), HEADER);
    while request[at] != 0 {
        let end = at + 1 + usize::from(request[at]);
        name.push_str(std::str::from_utf8(&request[at + 1..end]).expect("ASCII"));
        name.push('.');
        at = end;
    }
    let kind = u16::from_be_bytes([request[at + 1], request[at + 2]]);
    let data: Vec<Vec<u8>> = match kind {
        A => vec![Ipv4Addr::LOCALHOST.octets().to_vec()],
        SRV => records.iter().filter(|record| record.0.eq_ignore_ascii_case(&name)).map(service).collect(),
        _ => Vec::new(),
    };
    // Name does not exist (RFC 1035 §4.1.1), where no service is known by it.
    let code = if kind == SRV && data.is_empty() { 3 } else { 0 };
    let count = u8::try_from(data.len()).expect("few records");
    // Id; an answer with recursion; one question, the answers, nothing else.
    let mut out = vec![request[0], request[1], 0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0];
    out.extend_from_slice(&request[HEADER..at + 5]);
    for record in data {
        // The name of the question, of class IN, for a minute.
        out.extend_from_slice(&[0xC0, 0x0C]);
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        out.extend_from_slice(&u16::try_from(record.len()).expect("a short record").to_be_bytes());
        out.extend_from_slice(&record);
    }
    out
}

/// Priority, weight, port and target (RFC 2782).
fn service((_, target, port, priority): &(&str, &str, u16, u16)) -> Vec<u8> {
    let mut out = [priority.to_be_bytes(), [0, 0], port.to_be_bytes()].concat();
    for label in target.split('.').filter(|label| !label.is_empty()) {
        out.push(u8::try_from(label.len()).expect("a short label"));
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out
}
