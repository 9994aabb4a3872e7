//! One client over standard input and output.

use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::stdio_pipes;
use sprag_measure::Interrupt;

use crate::{MAX_REQUEST, Place, ServeError, Served, raised};

/// Serves whoever started this process, until they shut standard input or `interrupt` is raised. Nothing but the protocol
/// is written to standard output.
///
/// # Errors
/// [`ServeError`] where the server cannot start, or the client does not begin as the protocol says.
pub fn serve_stdio(place: Place, interrupt: &Interrupt) -> Result<(), ServeError> {
    let served = Served::start(place)?;
    let server = served.server.clone();
    let ended = served.runtime.block_on(async {
        let (input, output) = stdio_pipes();
        let transport = AsyncRwTransport::new_server(input, output).with_max_line_length(MAX_REQUEST);
        tokio::select! {
            begun = server.serve(transport) => match begun {
                Ok(running) => {
                    tokio::select! {
                        _ = running.waiting() => {}
                        () = raised(interrupt) => {}
                    }
                    Ok(())
                }
                // Somebody looked whether the program starts, and went away.
                Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
                Err(error) => Err(ServeError::Handshake(error.to_string())),
            },
            () = raised(interrupt) => Ok(()),
        }
    });
    served.end();
    ended
}
