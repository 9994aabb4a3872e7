//! `sprag mcp`: the session, served to whoever sits in an agent already.

use std::net::SocketAddr;
use std::process::ExitCode;

use camino::Utf8Path;
use miette::IntoDiagnostic;
use sprag_mcp::{Http, Place, TOKEN, Token, serve_stdio};

use crate::{show, watch};

/// Serve this repository to an agent over the Model Context Protocol.
///
/// The agent begins an experiment, edits the copy that it is given, submits it, and is answered with the verdict. Without
/// --http one client is served on standard input and output, as agents start their servers.
///
/// Example: claude mcp add sprag -- sprag mcp
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Serve over HTTP here, such as 127.0.0.1:8765; with port 0 on a free one. Clients need the token of SPRAG_MCP_TOKEN,
    /// or the one that is printed.
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Listen on an address that other machines reach, too. Nothing is encrypted.
    #[arg(long, requires = "http")]
    beyond_loopback: bool,
    /// Take uncommitted changes into the baseline of a new session.
    #[arg(long)]
    include_dirty: bool,
    /// Print the folder in which the copies are made, for the permissions of your agent, and end.
    #[arg(long, conflicts_with = "http")]
    print_folder: bool,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let place = Place { dir: dir.to_owned(), include_dirty: args.include_dirty };
    let folder = place.copy().into_diagnostic()?;
    if args.print_folder {
        // Agents refuse to be allowed a folder that is not there. The copy takes its place.
        std::fs::create_dir_all(&folder).into_diagnostic()?;
        show::text(folder.as_str())?;
        return Ok(ExitCode::SUCCESS);
    }
    let interrupt = watch::interrupt()?;
    match args.http {
        None => serve_stdio(place, &interrupt).into_diagnostic()?,
        Some(address) => {
            let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
            let (token, is_fresh) = match token {
                Some(token) => (Token::given(token).into_diagnostic()?, false),
                None => (Token::fresh(), true),
            };
            let http = Http::listen(address, args.beyond_loopback).into_diagnostic()?;
            show::aside(&format!("serving {}", http.url()));
            if is_fresh {
                show::aside(&format!("token: {}", token.shown()));
            }
            http.serve(place, token, &interrupt).into_diagnostic()?;
        }
    }
    Ok(if interrupt.is_raised() { ExitCode::from(130) } else { ExitCode::SUCCESS })
}
