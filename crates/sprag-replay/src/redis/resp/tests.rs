//! The parser meets whatever a network can send.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn command(bytes: &[u8]) -> Result<Option<Vec<String>>, Malformed> {
    let next = Commands::default().next(&mut BytesMut::from(bytes))?;
    Ok(next.map(|command| command.arguments.iter().map(|a| String::from_utf8_lossy(a).into()).collect()))
}

fn reply(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    ReplyEnd::default().find(bytes)
}

fn written(arguments: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        bytes.extend(format!("${}\r\n", argument.len()).into_bytes());
        bytes.extend([argument, &b"\r\n"[..]].concat());
    }
    bytes
}

#[test]
fn a_command_is_an_array_of_strings_or_a_line() {
    assert_eq!(command(b"*2\r\n$3\r\nget\r\n$1\r\na\r\n*1\r\n").unwrap().unwrap(), ["get", "a"]);
    assert_eq!(command(b"\r\n*0\r\n*-1\r\nPING x\n").unwrap().unwrap(), ["PING", "x"]);
    assert_eq!(command(b"*1\r\n$3\r\nget\r"), Ok(None));
    assert_eq!(command(b"PING"), Ok(None));
}

#[test]
fn what_is_no_command_is_said_at_once() {
    let malformed = [
        &b"*1\r\n:1\r\n"[..],
        b"*1\r\n$-1\r\n",
        b"*1\r\n$1\r\nab\r\n",
        b"*1\n",
        b"*x\r\n",
        b"*\r\n",
        b"*1048577\r\n",
        b"*99999999999999999999\r\n",
        b"*1\r\n$67108865\r\n",
        b"*1\r\n$+1\r\n",
    ];
    for bytes in malformed {
        assert!(command(bytes).is_err(), "{}", bytes.escape_ascii());
    }
    let endless = [vec![b'*'], vec![b'1'; LONGEST_LINE + 1]].concat();
    assert_eq!(command(&endless), Err(TOO_LONG));
    assert_eq!(command(&vec![b'a'; LONGEST_LINE + 1]), Err(TOO_LONG));
}

#[test]
fn a_reply_ends_where_its_last_value_does() {
    // A blank stands for CR LF.
    let scalars =
        ["+OK ", "-ERR ", ":1 ", ",1.5 ", "(123 ", "#t ", "_ ", "$-1 ", "*-1 ", "$0  ", "$1 a ", "!3 ERR "];
    let nested = ["*0 ", "*2 :1 *1 $1 a ", "%1 +a ~2 :1 :2 ", "|1 +ttl :1 $1 a ", "*1 >1 :1 ", "*2 *-1 *0 "];
    for text in scalars.into_iter().chain(nested) {
        let text = text.replace(' ', "\r\n");
        for end in 0..text.len() {
            assert_eq!(reply(&text.as_bytes()[..end]), Ok(None), "{text:?} up to {end}");
        }
        assert_eq!(reply(format!("{text}+more\r\n").as_bytes()), Ok(Some(text.len())), "{text:?}");
    }
    assert_eq!(reply(b"$4\r\n\r\n\r\n\r\n"), Ok(Some(10)));
}

#[test]
fn bombs_cost_nothing() {
    // Announced and never sent: no memory is taken for it.
    assert_eq!(reply(b"*67108864\r\n"), Ok(None));
    assert_eq!(reply(b"$67108864\r\n"), Err(TOO_LARGE));
    assert_eq!(reply(b"*67108865\r\n"), Err(TOO_LARGE));
    assert_eq!(reply("*1\r\n".repeat(DEEPEST).as_bytes()), Ok(None));
    assert!(reply("*1\r\n".repeat(DEEPEST + 1).as_bytes()).is_err());
    assert!(reply("|0\r\n".repeat(DEEPEST + 1).as_bytes()).is_err());
    assert!(reply("%33554432\r\n".repeat(DEEPEST).as_bytes()).is_ok());
    assert!(reply(b">1\r\n:1\r\n").is_err());
    assert!(reply(b"$?\r\n").is_err());
}

proptest! {
    #[test]
    fn commands_do_not_depend_on_how_the_network_cut_them(
        commands in vec(vec(vec(any::<u8>(), 0..20), 1..5), 1..6),
        piece in 1usize..40,
    ) {
        let stream: Vec<u8> = commands.iter().flat_map(|arguments| written(arguments)).collect();
        let (mut reader, mut buffer, mut read) = (Commands::default(), BytesMut::new(), Vec::new());
        for piece in stream.chunks(piece) {
            buffer.extend_from_slice(piece);
            while let Some(command) = reader.next(&mut buffer).unwrap() {
                prop_assert_eq!(&command.raw[..], &written(&commands[read.len()])[..]);
                read.push(command.arguments.iter().map(|argument| argument.to_vec()).collect::<Vec<_>>());
            }
        }
        prop_assert_eq!(read, commands);
        prop_assert!(buffer.is_empty());
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_never_read_beyond_the_end(
        pieces in vec(prop_oneof![
            vec(any::<u8>(), 0..30),
            "[*$%|~>+:_!=-]-?[0-9]{0,9}\r\n".prop_map(String::into_bytes),
            "[a-z\"' \\\\]{0,8}\r?\n".prop_map(String::into_bytes),
        ], 0..30),
    ) {
        let (mut commands, mut replies) = (Commands::default(), ReplyEnd::default());
        let (mut asked, mut answered) = (BytesMut::new(), BytesMut::new());
        let (mut asks, mut answers) = (true, true);
        for piece in pieces {
            asked.extend_from_slice(&piece);
            answered.extend_from_slice(&piece);
            while asks {
                match commands.next(&mut asked) {
                    Ok(Some(command)) => prop_assert!(!command.arguments.is_empty()),
                    Ok(None) => break,
                    Err(_) => asks = false,
                }
            }
            while answers {
                match replies.find(&answered) {
                    Ok(Some(length)) => answered.advance(length),
                    Ok(None) => break,
                    Err(_) => answers = false,
                }
            }
        }
    }
}
