//! A request that has no recorded answer, beside the one that is most like it.

use std::fmt::Write as _;

use sprag_replay::{Closest, Miss};

use super::words::{one_line, within};
use crate::show::clean;

/// How many lines of a request are set beside each other.
const LINES: usize = 500;

/// A line that only one of two texts has, or both.
#[derive(Debug, PartialEq, Eq)]
enum Line<'t> {
    Both(&'t str),
    Recorded(&'t str),
    Asked(&'t str),
}

/// In words: what was asked, and how it differs from what was recorded.
pub(super) fn told(miss: &Miss) -> String {
    let Miss { case, upstream, label, request, closest } = miss;
    let mut text = one_line(&format!("no recorded answer for {label} to {upstream}{}", within(case)));
    match closest {
        None => text.push_str("; nothing like it was recorded\n"),
        Some(Closest::UsedUp { answers }) => {
            let times = if *answers == 1 { "once".to_owned() } else { format!("{answers} times") };
            let _ = writeln!(text, ": it was recorded {times}, and asked more often");
        }
        Some(Closest::OtherCase(other)) => {
            let of =
                if other.is_empty() { "outside of any case".to_owned() } else { format!("in case {other}") };
            let _ = writeln!(text, ": it was recorded {}, not here", one_line(&of));
        }
        Some(Closest::Alike { request: recorded, .. }) => {
            text.push_str("; the closest that was recorded (-) and what was asked (+):\n");
            let (recorded, asked) = (clean(recorded), clean(request));
            for line in beside(&recorded, &asked) {
                let (sign, line) = match line {
                    Line::Both(line) => (' ', line),
                    Line::Recorded(line) => ('-', line),
                    Line::Asked(line) => ('+', line),
                };
                let _ = writeln!(text, "{}", format!("  {sign} {line}").trim_end());
            }
        }
    }
    text
}

/// The lines of two texts in their order, those that they have in common once.
fn beside<'t>(recorded: &'t str, asked: &'t str) -> Vec<Line<'t>> {
    let (was, is): (Vec<&str>, Vec<&str>) =
        (recorded.lines().take(LINES).collect(), asked.lines().take(LINES).collect());
    // How many lines the ends of both from here on have in common.
    let mut common = vec![vec![0_u32; is.len() + 1]; was.len() + 1];
    for a in (0..was.len()).rev() {
        for b in (0..is.len()).rev() {
            common[a][b] = match was[a] == is[b] {
                true => common[a + 1][b + 1] + 1,
                false => common[a + 1][b].max(common[a][b + 1]),
            };
        }
    }
    let (mut a, mut b, mut lines) = (0, 0, Vec::new());
    while a < was.len() || b < is.len() {
        if a < was.len() && b < is.len() && was[a] == is[b] {
            lines.push(Line::Both(was[a]));
            (a, b) = (a + 1, b + 1);
        } else if b == is.len() || (a < was.len() && common[a + 1][b] >= common[a][b + 1]) {
            lines.push(Line::Recorded(was[a]));
            a += 1;
        } else {
            lines.push(Line::Asked(is[b]));
            b += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_in_common_stand_once() {
        use Line::{Asked, Both, Recorded};
        assert_eq!(beside("a\nb\nc", "a\nx\nc"), [Both("a"), Recorded("b"), Asked("x"), Both("c")]);
        assert_eq!(beside("", "a\nb"), [Asked("a"), Asked("b")]);
        assert_eq!(beside("a\nb", ""), [Recorded("a"), Recorded("b")]);
        assert_eq!(beside("a\nb\na", "b\na"), [Recorded("a"), Both("b"), Both("a")]);
    }
}
