//! Mechanical edits of a Python module: a few lines at its end put something around its functions.
//!
//! The functions are found when the module is loaded, so nothing of its source has to be understood.

use serde_json::Value;

use super::seen::Place;

const FRAME: &str = include_str!("python/frame.py");
const PROBE: &str = include_str!("python/probe.py");

/// Whether a file is one.
pub(super) fn is_module(path: &str) -> bool {
    path.ends_with(".py")
}

/// The module with something around all of its functions that changes nothing and tells what is called.
pub(super) fn probed(text: &str, path: &str) -> String {
    edited(text, &format!("{FRAME}{PROBE}_sprag_around({}, None, _sprag_plant)\n", Value::from(path)))
}

/// The module with `cheat` around `function`.
pub(super) fn planted(text: &str, place: &Place, cheat: &str, parameters: &Value) -> String {
    // Strings, lists and objects of them are written alike in JSON and in Python.
    let [path, function] = [&place.0, &place.1].map(|word| Value::from(word.as_str()));
    let call = format!("_sprag_around({path}, {function}, _sprag_plant)\n");
    edited(text, &format!("{FRAME}_SPRAG = {parameters}\n\n\n{cheat}{call}"))
}

/// What a module does when it is the program comes last in it: the edit must stand before that.
fn edited(text: &str, block: &str) -> String {
    let main = text.match_indices("if __name__").map(|(at, _)| at);
    let at = main.filter(|&at| at == 0 || text[..at].ends_with('\n')).last().unwrap_or(text.len());
    let (before, after) = text.split_at(at);
    let newline = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    format!("{before}{newline}{block}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_stands_at_the_end_and_before_the_program() {
        assert_eq!(edited("a = 1", "b\n"), "a = 1\nb\n");
        assert_eq!(edited("", "b\n"), "b\n");
        let text = "x = 'if __name__'\nif __name__ == '__main__':\n    main()\n";
        assert_eq!(edited(text, "b\n"), "x = 'if __name__'\nb\nif __name__ == '__main__':\n    main()\n");
    }
}
