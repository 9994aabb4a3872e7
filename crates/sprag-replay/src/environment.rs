//! What the application is told, so that its clients come through the proxy and trust it.
//!
//! Clients obey different variables, and some none: see the table in `docs/clients.md`. The environment is a convenience;
//! what cannot be got around is the empty network that a benchmark runs in.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::ca::{PASSWORD, Trust};
use crate::proxy::Port;

/// Both spellings are needed: curl takes plain HTTP's from the lower case only, and so does gRPC, others look at the
/// upper case first.
const PROXY: [&str; 7] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "grpc_proxy"];
/// Nothing goes around the proxy, and what was set outside is overridden.
const AROUND: [&str; 3] = ["NO_PROXY", "no_proxy", "no_grpc_proxy"];
/// Where clients look for whom to trust instead of the system's roots.
const BUNDLE: [&str; 7] = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "AWS_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
];

/// For a proxy at an address.
pub(crate) fn child_environment(proxy: SocketAddr, trust: &Trust) -> BTreeMap<String, String> {
    let url = format!("http://{proxy}");
    let mut env = BTreeMap::new();
    let mut set = |name: &str, value: &str| env.insert(name.to_owned(), value.to_owned());
    for name in PROXY {
        set(name, &url);
    }
    for name in AROUND {
        set(name, "");
    }
    for name in BUNDLE {
        set(name, trust.bundle.as_str());
    }
    set("SSL_CERT_DIR", trust.folder().as_str());
    // Node adds these to its own.
    set("NODE_EXTRA_CA_CERTS", trust.ca.as_str());
    set("NODE_USE_ENV_PROXY", "1");
    set("JAVA_TOOL_OPTIONS", &java(proxy, trust));
    env
}

/// Java ignores the environment, but for this.
fn java(proxy: SocketAddr, trust: &Trust) -> String {
    let (host, port) = (proxy.ip(), proxy.port());
    let mut options: Vec<_> = ["http", "https"]
        .iter()
        .flat_map(|scheme| [format!("-D{scheme}.proxyHost={host}"), format!("-D{scheme}.proxyPort={port}")])
        .collect();
    options.push("-Dhttp.nonProxyHosts=".to_owned());
    options.push(format!("-Djavax.net.ssl.trustStore={}", trust.java));
    options.push("-Djavax.net.ssl.trustStoreType=JKS".to_owned());
    options.push(format!("-Djavax.net.ssl.trustStorePassword={PASSWORD}"));
    options.join(" ")
}

/// What a port of the proxy's own is known by: `SPRAG_<NAME>_HOST`, `_PORT` and, over HTTP, `_URL`, and the settings' own
/// variables, in which `{host}` and `{port}` are filled in.
pub(crate) fn of_port(port: &Port, at: SocketAddr) -> BTreeMap<String, String> {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let stem: String = port.name.chars().map(upper).collect();
    let (host, number) = (at.ip().to_string(), at.port().to_string());
    let fill = |text: &String| text.replace("{host}", &host).replace("{port}", &number);
    let mut env: BTreeMap<_, _> = port.env.iter().map(|(name, text)| (name.clone(), fill(text))).collect();
    // Plain HTTP, whatever the upstream has: the port answers TLS as well, to clients that insist.
    if port.upstream.scheme.is_http() {
        env.insert(format!("SPRAG_{stem}_URL"), format!("http://{at}"));
    }
    env.insert(format!("SPRAG_{stem}_HOST"), host);
    env.insert(format!("SPRAG_{stem}_PORT"), number);
    env
}

#[cfg(test)]
mod tests {
    use sprag_contract::settings::replay::Upstream;

    use super::*;

    #[test]
    fn a_port_is_known_by_its_name_and_by_the_settings_own_variables() {
        let port = |upstream: &str| Port {
            name: "my-db".to_owned(),
            upstream: Upstream::parse(upstream).unwrap(),
            env: [("PGPORT".to_owned(), "{port}".to_owned()), ("DSN".to_owned(), "host={host}".to_owned())]
                .into(),
        };
        let env = of_port(&port("postgres://db:5432"), ([127, 0, 0, 1], 40_000).into());
        assert_eq!(env["SPRAG_MY_DB_HOST"], "127.0.0.1");
        assert_eq!(env["SPRAG_MY_DB_PORT"], "40000");
        assert_eq!(env["PGPORT"], "40000");
        assert_eq!(env["DSN"], "host=127.0.0.1");
        assert!(!env.contains_key("SPRAG_MY_DB_URL"));
        let env = of_port(&port("https://api.example.com"), ([127, 0, 0, 1], 40_000).into());
        assert_eq!(env["SPRAG_MY_DB_URL"], "http://127.0.0.1:40000");
    }
}
