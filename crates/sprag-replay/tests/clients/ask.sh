# Asks servers by curl: ask.sh OPTION URL...; see ask.py.
option=$1
shift
ask() {
    curl --silent --show-error --compressed --max-time 60 "$option" --write-out ' %{http_code} HTTP/%{http_version}\n' "$@"
}
for base in "$@"; do
    ask "$base/item?n=$ITEM"
    ask --json '{"texts": ["a", "b"], "model": "small"}' "$base/echo"
    ask --no-buffer "$base/events"
    ask "$base/packed"
done
