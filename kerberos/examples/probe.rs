//! Kerberos by hand: `probe who`, `probe sasl HOST`, `probe spnego HOST KEYTAB` (both sides in one process).

use std::io::Write as _;

use flint_kerberos::{Acceptor, Failure, Initiator, Mechanism, SaslGssapi, default_principal};

fn run(arguments: &[&str]) -> Result<String, Failure> {
    match arguments {
        ["who"] => default_principal().map(|p| p.to_string()),
        ["sasl", host] => {
            let token = SaslGssapi::new(host, None)?.initial()?;
            Ok(format!("initial response of {} octets", token.len()))
        }
        ["spnego", host, keytab] => {
            let acceptor = Acceptor::new(Some(keytab.as_ref()))?;
            let mut initiator = Initiator::new(Mechanism::Spnego, "HTTP", host)?;
            let accepted = acceptor.accept(&initiator.step(None)?.unwrap_or_default())?;
            initiator.step(accepted.reply.as_deref())?;
            Ok(format!(
                "{} complete {} mutual {}",
                accepted.principal,
                initiator.is_complete(),
                initiator.is_mutual()
            ))
        }
        _ => Ok("usage: probe who | sasl HOST | spnego HOST KEYTAB".into()),
    }
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let line = match run(&arguments) {
        Ok(line) => line,
        Err(failure) => {
            let (kind, detail) = (&failure.kind, &failure.detail);
            format!("{}: {} {}\n  {detail}", kind.code(), kind.reason(), kind.next_step())
        }
    };
    writeln!(std::io::stdout(), "{line}")
}
