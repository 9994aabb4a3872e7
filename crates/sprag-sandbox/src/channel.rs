//! The socket between Sprag and its launcher: whole messages, and descriptors with them.
//!
//! Its name is abstract, so it needs no file and no descriptor that all children would inherit. Anybody on this
//! machine can connect to such a name: [`Listening::accept`] takes nobody but the process that Sprag spawned.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::plan::{MOST_DESCRIPTORS, Word};

/// The longest message, in bytes: a plan names paths.
pub(crate) const LONGEST: usize = 128 << 10;
/// Room for the descriptors of one message.
const RIGHTS: usize = rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS));

/// A socket that waits for the launcher.
#[derive(Debug)]
pub(crate) struct Listening {
    socket: OwnedFd,
    pub(crate) name: String,
}

impl Listening {
    pub(crate) fn open() -> io::Result<Self> {
        let socket = socket(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
        // Unnamed: the kernel picks a free abstract name, five hexadecimal digits.
        rustix::net::bind(&socket, &SocketAddrUnix::new_unnamed())?;
        rustix::net::listen(&socket, 16)?;
        let address = SocketAddrUnix::try_from(rustix::net::getsockname(&socket)?)?;
        let name = address.abstract_name().and_then(|name| std::str::from_utf8(name).ok());
        let name = name.ok_or(io::ErrorKind::AddrNotAvailable)?.to_owned();
        Ok(Self { socket, name })
    }

    /// The connection of `child`, which has not been waited for. `None` where it ends first.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] after `deadline`.
    pub(crate) fn accept(&self, child: Pid, deadline: Instant) -> io::Result<Option<Channel>> {
        let end = pidfd_open(child, PidfdFlags::empty())?;
        loop {
            let [called, ended] = wait_for_either([self.socket.as_fd(), end.as_fd()], deadline)?;
            if !called {
                if ended {
                    return Ok(None);
                }
                continue;
            }
            match rustix::net::accept_with(&self.socket, SocketFlags::CLOEXEC) {
                Ok(socket) if getsockopt(&socket, PeerCredentials)?.pid() == child.as_raw_nonzero().get() => {
                    return Ok(Some(Channel(socket)));
                }
                // A stranger, or one who has gone again.
                Ok(_) | Err(Errno::AGAIN | Errno::CONNABORTED | Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// One end of the connection.
#[derive(Debug)]
pub(crate) struct Channel(pub(crate) OwnedFd);

impl Channel {
    /// The launcher's end.
    pub(crate) fn connect(name: &str) -> io::Result<Self> {
        let socket = socket(SocketFlags::CLOEXEC)?;
        rustix::net::connect(&socket, &SocketAddrUnix::new_abstract_name(name.as_bytes())?)?;
        Ok(Self(socket))
    }

    /// Both ends, for a process that this one starts.
    pub(crate) fn pair() -> io::Result<(Self, Self)> {
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        let (one, other) = rustix::net::socketpair(family, kind, SocketFlags::CLOEXEC, None)?;
        Ok((Self(one), Self(other)))
    }

    /// Sends one word, and at most [`MOST_DESCRIPTORS`] descriptors with it.
    pub(crate) fn send(&self, word: &Word, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let text = serde_json::to_vec(word)?;
        let mut space = [MaybeUninit::uninit(); RIGHTS];
        let mut rights = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !rights.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(Errno::TOOMANYREFS.into());
        }
        rustix::net::sendmsg(&self.0, &[IoSlice::new(&text)], &mut rights, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Waits for the next word and its descriptors. `None` where the other end is closed.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] after `deadline`; [`io::ErrorKind::InvalidData`] for what is no word.
    pub(crate) fn receive_by(&self, deadline: Instant) -> io::Result<Option<(Word, Vec<OwnedFd>)>> {
        wait_for_either([self.0.as_fd()], deadline)?;
        self.receive()
    }

    /// The same, for as long as it takes or until a process has ended without a word.
    pub(crate) fn receive_unless(&self, end: &OwnedFd) -> io::Result<Option<(Word, Vec<OwnedFd>)>> {
        let mut fds = [self.0.as_fd(), end.as_fd()].map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        retry_on_intr(|| poll(&mut fds, None))?;
        if fds[0].revents().is_empty() { Ok(None) } else { self.receive() }
    }

    /// The same, for as long as it takes.
    pub(crate) fn receive(&self) -> io::Result<Option<(Word, Vec<OwnedFd>)>> {
        let mut text = vec![0; LONGEST];
        let mut space = [MaybeUninit::uninit(); RIGHTS];
        let mut rights = RecvAncillaryBuffer::new(&mut space);
        let message = retry_on_intr(|| {
            let mut into = [IoSliceMut::new(&mut text)];
            rustix::net::recvmsg(&self.0, &mut into, &mut rights, RecvFlags::CMSG_CLOEXEC)
        });
        let message = match message {
            Ok(message) => message,
            // The other end was closed with something of ours unread.
            Err(Errno::CONNRESET) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let descriptors = rights.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        });
        let descriptors: Vec<OwnedFd> = descriptors.flatten().collect();
        if message.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        match &text[..message.bytes] {
            [] => Ok(None),
            text => Ok(Some((serde_json::from_slice(text)?, descriptors))),
        }
    }
}

fn socket(flags: SocketFlags) -> io::Result<OwnedFd> {
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

/// Waits until one of them can be read; which.
fn wait_for_either<const N: usize>(fds: [BorrowedFd<'_>; N], deadline: Instant) -> io::Result<[bool; N]> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut fds = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        match poll(&mut fds, Some(&timespec(left))) {
            Ok(0) if left.is_zero() => return Err(io::ErrorKind::TimedOut.into()),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(fds.map(|fd| !fd.revents().is_empty())),
            Err(error) => return Err(error.into()),
        }
    }
}

pub(crate) fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: duration.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Wall;
    use std::net::TcpListener;
    use std::process::Command;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn words_arrive_with_their_descriptors() {
        let listening = Listening::open().unwrap();
        let ours = Channel::connect(&listening.name).unwrap();
        let theirs = listening.accept(rustix::process::getpid(), soon()).unwrap().unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        ours.send(
            &Word::Ready { wall: Wall::ForAll, clock: false, lost: Vec::new() },
            &[socket.as_fd(), socket.as_fd()],
        )
        .unwrap();
        let (word, descriptors) = theirs.receive_by(soon()).unwrap().unwrap();
        assert!(matches!(word, Word::Ready { wall: Wall::ForAll, .. }));
        let same = TcpListener::from(descriptors.into_iter().nth(1).unwrap());
        assert_eq!(same.local_addr().unwrap(), socket.local_addr().unwrap());
        drop(ours);
        assert!(theirs.receive_by(soon()).unwrap().is_none());
    }

    #[test]
    fn a_stranger_is_not_let_in() {
        let listening = Listening::open().unwrap();
        let _stranger = Channel::connect(&listening.name).unwrap();
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let too_soon = Instant::now() + Duration::from_millis(50);
        let error = listening.accept(Pid::from_child(&child), too_soon).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        child.kill().unwrap();
        // Dead, and not waited for.
        assert!(listening.accept(Pid::from_child(&child), soon()).unwrap().is_none());
        child.wait().unwrap();
    }

    #[test]
    fn silence_and_nonsense_are_told_apart() {
        let listening = Listening::open().unwrap();
        let ours = Channel::connect(&listening.name).unwrap();
        let theirs = listening.accept(rustix::process::getpid(), soon()).unwrap().unwrap();
        let error = theirs.receive_by(Instant::now()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        rustix::net::send(&ours.0, b"hello", SendFlags::empty()).unwrap();
        let error = theirs.receive_by(soon()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        rustix::net::send(&ours.0, &[b' '; LONGEST + 1], SendFlags::empty()).unwrap();
        let error = theirs.receive_by(soon()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
