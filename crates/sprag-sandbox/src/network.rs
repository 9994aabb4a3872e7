//! The empty network: a namespace with a loopback, and nothing behind it.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::process::{getegid, geteuid};

use crate::plan::{Refusal, Step, Wall};

/// How many connections may wait before they are accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Takes this process, which must have one thread only, into an empty network; whom it holds.
pub(crate) fn enter() -> Result<Wall, Refusal> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    // The user namespace is what holds root: without one it keeps every right, and so the way back.
    let wall = match unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET) {
        Ok(()) => {
            keep_identity(user, group).map_err(Refusal::of(Step::Identity))?;
            Wall::ForAll
        }
        // Allowed to nobody but root; where that fails too, what the first says is what mends it.
        Err(error) => {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|_| Refusal::of(Step::Network)(error))?;
            Wall::NotForRoot
        }
    };
    loopback_up().map_err(Refusal::of(Step::Loopback))?;
    Ok(wall)
}

/// Maps the user onto itself: what it owned it still owns, and it is nobody else.
pub(crate) fn keep_identity(user: u32, group: u32) -> io::Result<()> {
    // The kernel lets an ordinary user map its group only once nobody can drop a group to gain rights.
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Sets the flag IFF_UP of the loopback by one netlink message, rtnetlink(7). Its addresses come by themselves.
pub(crate) fn loopback_up() -> io::Result<()> {
    const RTM_NEWLINK: u16 = 16;
    const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;
    const NLMSG_ERROR: u16 = 2;
    const IFF_UP: u32 = 1;
    // The first interface of every namespace.
    const LOOPBACK: i32 = 1;

    let mut request = Vec::with_capacity(32);
    // struct nlmsghdr: length, type, flags, sequence, sender
    request.extend(32_u32.to_ne_bytes());
    request.extend(RTM_NEWLINK.to_ne_bytes());
    request.extend(REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    request.extend([0; 8]);
    // struct ifinfomsg: family, padding, type; index, flags, mask of the flags to change
    request.extend([0; 4]);
    request.extend(LOOPBACK.to_ne_bytes());
    request.extend(IFF_UP.to_ne_bytes());
    request.extend(IFF_UP.to_ne_bytes());

    let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
    // The default protocol of the family, 0, is NETLINK_ROUTE.
    let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    let kernel = SocketAddrNetlink::new(0, 0);
    rustix::net::sendto(&socket, &request, SendFlags::empty(), &kernel)?;
    let mut answer = [0; 128];
    let (_, length) = rustix::net::recv(&socket, &mut answer, RecvFlags::empty())?;
    // Again a header, with the type at 4; then the error number, negative, or 0.
    let kind = answer[4..6].try_into().map(u16::from_ne_bytes);
    let error = answer[16..20].try_into().map(i32::from_ne_bytes);
    match (kind, error) {
        (Ok(NLMSG_ERROR), Ok(0)) if length >= 20 => Ok(()),
        (Ok(NLMSG_ERROR), Ok(error)) if length >= 20 => Err(io::Error::from_raw_os_error(-error)),
        _ => Err(Errno::EPROTO.into()),
    }
}

/// Sockets that are not connected yet, of IPv4 and, where there is any, of IPv6. Whoever holds one connects within this
/// network, wherever that is done.
pub(crate) fn callers() -> Result<Vec<OwnedFd>, Refusal> {
    let open = |family| rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    let first = open(AddressFamily::INET).map_err(Refusal::of(Step::Caller))?;
    Ok([Some(first), open(AddressFamily::INET6).ok()].into_iter().flatten().collect())
}

/// A listener on a port of the loopback.
pub(crate) fn listen(port: u16) -> Result<TcpListener, Refusal> {
    let open = || -> io::Result<TcpListener> {
        let (family, kind) = (AddressFamily::INET, SocketType::STREAM);
        let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
        rustix::net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
        rustix::net::listen(&socket, BACKLOG)?;
        Ok(socket.into())
    };
    open().map_err(Refusal::of(Step::Listener(port)))
}
