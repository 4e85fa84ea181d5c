//! Which servers a domain has: SRV records of both kinds, mixed (RFC 6120 §3.2, RFC 2782, XEP-0368 §3).

use crate::error::{ConnectError, DnsProblem};
use crate::net::dns_problem;
use crate::params::{ConnectParams, Location, Security};
use hickory_resolver::config::{NameServerConfigGroup, ResolverConfig};
use hickory_resolver::name_server::TokioConnectionProvider;
use hickory_resolver::{Name, TokioResolver};
use std::net::IpAddr;
use std::time::Duration;

/// Port without a record (RFC 6120 §3.2.2).
const DEFAULT_PORT: u16 = 5222;
/// Servers of a domain that are tried.
const MAX_TARGETS: usize = 16;

/// One server to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
}

/// One SRV record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) priority: u16,
    pub(crate) weight: u16,
    pub(crate) target: Target,
}

/// What a look-up of one kind of record brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// Records, perhaps none.
    Records(Vec<Record>),
    /// The target ".": decidedly not offered.
    NotOffered,
    /// Nobody answered: as no records, but not known.
    NoAnswer(String),
}

/// The servers in the order in which to try them.
pub(crate) async fn targets(
    params: &ConnectParams,
    resolver: Option<&TokioResolver>,
) -> Result<Vec<Target>, ConnectError> {
    if let Location::Fixed { host, port, security } = &params.location {
        return Ok(vec![Target { host: host.clone(), port: *port, security: *security }]);
    }
    let domain = ascii(params.account.domain().as_str())?;
    let (Some(resolver), Err(_)) = (resolver, domain.parse::<IpAddr>()) else {
        return Ok(vec![fallback(domain)]);
    };
    let (direct, starttls) = tokio::join!(
        look_up(resolver, "_xmpps-client", &domain, Security::Direct),
        look_up(resolver, "_xmpp-client", &domain, Security::StartTls)
    );
    if let (Found::NoAnswer(detail), Found::NoAnswer(_), Some(_)) = (&direct, &starttls, params.dns) {
        // The address of the domain would be asked of the same server.
        let detail = detail.clone();
        return Err(ConnectError::Dns { name: domain, problem: DnsProblem::NoAnswer, detail });
    }
    choose(&domain, direct, starttls, &mut random_below)
}

/// A resolver that asks `params.dns`, or the system's servers; none when the system has no configuration.
pub(crate) fn resolver(params: &ConnectParams) -> Option<TokioResolver> {
    let mut builder = match params.dns {
        Some(server) => {
            let group = NameServerConfigGroup::from_ips_clear(&[server.ip()], server.port(), true);
            let config = ResolverConfig::from_parts(None, Vec::new(), group);
            TokioResolver::builder_with_config(config, TokioConnectionProvider::default())
        }
        None => TokioResolver::builder_tokio().ok()?,
    };
    builder.options_mut().timeout = Duration::from_secs(5);
    Some(builder.build())
}

/// A domain as DNS and certificates know it (IDNA).
pub(crate) fn ascii(domain: &str) -> Result<String, ConnectError> {
    if domain.is_ascii() {
        return Ok(domain.to_owned());
    }
    let refuse =
        |detail: String| ConnectError::Dns { name: domain.to_owned(), problem: DnsProblem::NoRecord, detail };
    let name = Name::from_utf8(domain).map_err(|error| refuse(error.to_string()))?;
    Ok(name.to_ascii().trim_end_matches('.').to_owned())
}

fn fallback(host: String) -> Target {
    Target { host, port: DEFAULT_PORT, security: Security::StartTls }
}

/// A look-up that fails counts as one that finds nothing (RFC 6120 §3.2.1 step 8).
async fn look_up(resolver: &TokioResolver, service: &str, domain: &str, security: Security) -> Found {
    let answer = match resolver.srv_lookup(format!("{service}._tcp.{domain}.")).await {
        Ok(answer) => answer,
        Err(error) => {
            if !error.is_no_records_found() {
                tracing::warn!(domain, service, %error, "SRV look-up failed");
            }
            if dns_problem(&error) == DnsProblem::NoAnswer {
                return Found::NoAnswer(error.to_string());
            }
            return Found::Records(Vec::new());
        }
    };
    let mut records = Vec::new();
    for record in answer.iter().take(MAX_TARGETS) {
        if record.target().is_root() {
            return Found::NotOffered;
        }
        let host = record.target().to_ascii().trim_end_matches('.').to_owned();
        records.push(Record {
            priority: record.priority(),
            weight: record.weight(),
            target: Target { host, port: record.port(), security },
        });
    }
    Found::Records(records)
}

/// Puts both kinds together. The domain itself only when there is no record at all and nothing is said to be missing.
fn choose(
    domain: &str,
    direct: Found,
    starttls: Found,
    random: &mut dyn FnMut(u32) -> u32,
) -> Result<Vec<Target>, ConnectError> {
    let starttls_missing = starttls == Found::NotOffered;
    let records: Vec<Record> = [direct, starttls]
        .into_iter()
        .flat_map(|found| match found {
            Found::Records(records) => records,
            Found::NotOffered | Found::NoAnswer(_) => Vec::new(),
        })
        .collect();
    match (records.is_empty(), starttls_missing) {
        (true, true) => Err(ConnectError::NotOffered { domain: domain.to_owned() }),
        (true, false) => Ok(vec![fallback(domain.to_owned())]),
        (false, _) => Ok(order(records, random)),
    }
}

/// By priority; within one priority drawn by weight (RFC 2782). `random(n)` is in `0..=n`.
fn order(mut records: Vec<Record>, random: &mut dyn FnMut(u32) -> u32) -> Vec<Target> {
    // Records of weight 0 come first, so that they have a small chance.
    records.sort_by_key(|record| (record.priority, record.weight));
    let mut targets = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let same = records.iter().take_while(|record| record.priority == first.priority);
        let total: u32 = same.map(|record| u32::from(record.weight)).sum();
        let drawn = random(total);
        let mut running = 0;
        let chosen = records
            .iter()
            .position(|record| {
                running += u32::from(record.weight);
                running >= drawn
            })
            .unwrap_or(0);
        targets.push(records.remove(chosen).target);
    }
    targets.truncate(MAX_TARGETS);
    targets
}

fn random_below(limit: u32) -> u32 {
    let mut bytes = [0; 8];
    // Without randomness the heaviest load is only spread worse.
    if getrandom::fill(&mut bytes).is_err() {
        return limit;
    }
    let modulus = u64::from(limit) + 1;
    u32::try_from(u64::from_le_bytes(bytes) % modulus).unwrap_or(limit)
}

#[cfg(test)]
mod tests;
