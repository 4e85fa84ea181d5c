//! The realm's own DNS server on loopback: SRV records of the XMPP server, addresses of the domain.

use anyhow::{Context, Result};
use hickory_server::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_server::proto::rr::rdata::{A, SRV};
use hickory_server::proto::rr::{Name, RData, Record, RecordType};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::str::FromStr;

/// Ports that the SRV records name.
#[derive(Debug, Clone, Copy)]
pub struct XmppPorts {
    /// STARTTLS.
    pub starttls: u16,
    /// TLS from the first byte.
    pub direct: u16,
}

/// Starts the server on a thread that lives as long as the process; returns where it answers.
pub fn start(domain: &str, ports: XmppPorts) -> Result<SocketAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("no free UDP port on 127.0.0.1")?;
    let address = socket.local_addr()?;
    let zone = Zone { domain: Name::from_str(&format!("{domain}."))?, ports };
    std::thread::Builder::new().name("dns".into()).spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = buffer.get(..length).and_then(|query| zone.answer(query)) {
                // A client that went away simply gets no answer.
                let _ = socket.send_to(&answer, from);
            }
        }
    })?;
    Ok(address)
}

struct Zone {
    domain: Name,
    ports: XmppPorts,
}

impl Zone {
    fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
        let query = Message::from_vec(query).ok()?;
        let question = query.queries().first()?.clone();
        let mut answer = Message::new();
        answer
            .set_id(query.id())
            .set_message_type(MessageType::Response)
            .set_op_code(OpCode::Query)
            .set_authoritative(true)
            .set_recursion_desired(query.recursion_desired())
            .set_recursion_available(true)
            .add_query(question.clone());
        let name = question.name();
        if self.domain.zone_of(name) {
            for data in self.records(name, question.query_type()) {
                answer.add_answer(Record::from_rdata(name.clone(), 60, data));
            }
        } else {
            answer.set_response_code(ResponseCode::NXDomain);
        }
        answer.to_vec().ok()
    }

    fn records(&self, name: &Name, kind: RecordType) -> Vec<RData> {
        let service = |label: &str, port| {
            let owner = Name::from_str(&format!("{label}._tcp.{}", self.domain)).ok()?;
            (*name == owner).then(|| RData::SRV(SRV::new(0, 5, port, self.domain.clone())))
        };
        match kind {
            RecordType::SRV => service("_xmpp-client", self.ports.starttls)
                .or_else(|| service("_xmpps-client", self.ports.direct))
                .into_iter()
                .collect(),
            RecordType::A => vec![RData::A(A(Ipv4Addr::LOCALHOST))],
            _ => Vec::new(),
        }
    }
}
