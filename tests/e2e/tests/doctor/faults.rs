//! Servers that are wrong in one way each. Threads end with the process.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How a name server answers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answers {
    Nothing,
    NoName,
    Fails,
    /// SRV records with the target ".".
    Root,
}

/// A name server on loopback that answers everything alike.
pub(crate) fn dns(answers: Answers) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = socket.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = answer(&buffer[..length], answers) {
                // Nobody may be waiting any more.
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    address
}

/// The answer to one query (RFC 1035 §4.1).
fn answer(query: &[u8], answers: Answers) -> Option<Vec<u8>> {
    let code = match answers {
        Answers::Nothing => return None,
        Answers::Root => 0,
        Answers::Fails => 2,
        Answers::NoName => 3,
    };
    let name_ends = 12 + query.get(12..)?.iter().position(|byte| *byte == 0)? + 1;
    let question = query.get(12..name_ends + 4)?;
    let is_srv = question[question.len() - 4..question.len() - 2] == [0, 33];
    let found = u8::from(matches!(answers, Answers::Root) && is_srv);
    let mut message = query[..2].to_vec();
    message.extend_from_slice(&[0x85, 0x80 | code, 0, 1, 0, found, 0, 0, 0, 0]);
    message.extend_from_slice(question);
    if found == 1 {
        // The question's name, SRV, IN, 60 s, 7 octets: priority, weight, port, the root.
        message.extend_from_slice(&[0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
    }
    Some(message)
}

/// A port whose queue is full, so that the kernel leaves connections unanswered, and what keeps it so.
pub(crate) fn silent() -> (u16, Vec<TcpStream>) {
    use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
    listen(&socket, 0).expect("it listens");
    let address = SocketAddr::try_from(getsockname(&socket).expect("it is bound")).expect("an IP address");
    let mut kept = vec![TcpStream::from(socket)];
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(500)) {
        kept.push(stream);
        assert!(kept.len() < 16, "the queue of {address} takes everything");
    }
    (address.port(), kept)
}

/// A port that cuts every connection off.
pub(crate) fn resets() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Closed with something unread, a socket is reset.
            let _ = stream.peek(&mut [0]);
        }
    });
    port
}

/// A proxy that gives these answers, one for each message, and hangs up.
pub(crate) fn proxy(answers: Vec<&'static [u8]>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            for answer in &answers {
                let read = stream.read(&mut [0; 1024]);
                if !matches!(read, Ok(1..)) || stream.write_all(answer).is_err() {
                    break;
                }
            }
        }
    });
    port
}

/// A proxy that does its work by CONNECT; the names it is asked for are of this computer.
pub(crate) fn forwarding_proxy() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || forward(stream));
        }
    });
    port
}

fn forward(mut near: TcpStream) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        near.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let port: u16 =
        head.strip_prefix("CONNECT ")?.split_whitespace().next()?.rsplit_once(':')?.1.parse().ok()?;
    let mut far = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (mut from_far, mut to_near) = (far.try_clone().ok()?, near.try_clone().ok()?);
    std::thread::spawn(move || std::io::copy(&mut from_far, &mut to_near));
    std::io::copy(&mut near, &mut far).ok()?;
    Some(())
}

/// A Prosody that has passwords and no GSSAPI.
pub(crate) struct Plain {
    pub(crate) port: u16,
    child: Child,
}

impl Drop for Plain {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it in `dir` with the certificate of the realm in `realm`.
pub(crate) fn prosody(dir: &Path, realm: &Path) -> Plain {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    drop(listener);
    let data = dir.join("plain");
    std::fs::create_dir(&data).expect("the directory is ours");
    let (data, tls) = (data.display(), realm.join("tls"));
    let (chain, key) = (tls.join("server.pem"), tls.join("server.key"));
    let root = if rustix::process::geteuid().is_root() { "run_as_root = true\n" } else { "" };
    let config = format!(
        r#"{root}data_path = "{data}"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{}}
c2s_direct_tls_ports = {{ {port} }}
s2s_ports = {{}}
http_ports = {{}}
https_ports = {{}}
c2s_direct_tls_ssl = {{ certificate = "{chain}", key = "{key}" }}
ssl = {{ certificate = "{chain}", key = "{key}" }}
modules_enabled = {{ "saslauth", "tls" }}
modules_disabled = {{ "s2s", "s2s_auth_certs", "dialback" }}
log = {{ info = "{data}/log" }}
VirtualHost "example.test"
	authentication = "internal_hashed"
"#,
        chain = chain.display(),
        key = key.display(),
    );
    let file = dir.join("plain.cfg.lua");
    std::fs::write(&file, config).expect("the directory is ours");
    let child = Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "--", "prosody", "-F", "--config"])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("Prosody is installed (cargo xtask setup)");
    let plain = Plain { port, child };
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(Instant::now() < deadline, "the second Prosody does not answer");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    plain
}

/// TLS from the first byte, with certificates made for the case.
pub(crate) mod tls {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
    use rustls::pki_types::PrivateKeyDer;
    use rustls::{ServerConfig, ServerConnection};
    use std::net::{Ipv4Addr, TcpListener};
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    /// When a certificate is valid.
    #[derive(Debug, Clone, Copy)]
    pub(crate) enum Dates {
        Now,
        Past,
        Future,
    }

    /// An authority with its certificate in a file.
    pub(crate) struct Authority {
        issuer: Issuer<'static, KeyPair>,
        pub(crate) file: PathBuf,
    }

    impl Authority {
        pub(crate) fn create(dir: &Path, name: &str) -> Self {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate().expect("a key");
            let file = dir.join(name);
            let certificate = params.self_signed(&key).expect("a certificate");
            std::fs::write(&file, certificate.pem()).expect("the directory is ours");
            Self { issuer: Issuer::new(params, key), file }
        }

        /// A server that is certified for `name`.
        pub(crate) fn server(&self, name: &str, dates: Dates) -> Arc<ServerConfig> {
            let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
            let (from, until) = match dates {
                Dates::Now => (2000, 4000),
                Dates::Past => (2000, 2001),
                Dates::Future => (3999, 4000),
            };
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(until, 1, 1);
            let key = KeyPair::generate().expect("a key");
            let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
            let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .expect("versions")
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], key)
                .expect("a pair");
            Arc::new(config)
        }
    }

    /// Shakes hands with whoever comes, as far as they like it.
    pub(crate) fn serve(mut config: Arc<ServerConfig>) -> u16 {
        if let Some(config) = Arc::get_mut(&mut config) {
            config.alpn_protocols = vec![b"xmpp-client".to_vec()];
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut connection =
                    ServerConnection::new(Arc::clone(&config)).expect("a good configuration");
                // The client is to break it off.
                let _ = connection.complete_io(&mut stream);
            }
        });
        port
    }
}
