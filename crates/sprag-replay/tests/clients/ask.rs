//! The client of Rust: what `ask.py` does, by reqwest. Its environment is read at its start, so it is a program: an
//! ignored test of this binary, which the row starts.

/// How it is called.
pub(crate) const PROGRAM: &str = "ask::by_reqwest";
/// The variable with the servers' URLs.
pub(crate) const URLS: &str = "ASK_URLS";

#[tokio::test]
#[ignore = "a program of another test"]
async fn by_reqwest() {
    let Ok(urls) = std::env::var(URLS) else { return };
    let item = std::env::var("ITEM").unwrap();
    // reqwest's own provider would bring a second library of cryptography.
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let client = reqwest::Client::new();
    for base in urls.split(' ') {
        let asked = r#"{"texts": ["a", "b"], "model": "small"}"#;
        for request in [
            client.get(format!("{base}/item?n={item}")),
            client.post(format!("{base}/echo")).header("content-type", "application/json").body(asked),
            client.get(format!("{base}/events")),
        ] {
            let answer = request.send().await.unwrap();
            let (status, version) = (answer.status().as_u16(), answer.version());
            println!("heard {status} {version:?} {:?}", answer.text().await.unwrap());
        }
    }
}
