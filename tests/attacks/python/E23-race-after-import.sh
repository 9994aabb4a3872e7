#: title = "goes on editing the copy while it is judged"
#: verdict = "discard or scope"
#: layer = "statistics or scope"
echo '# a remark' >> shop/price.py
# It must not end a run that is listening to its streams, and ends by itself.
(
  for _ in $(seq 60); do
    sleep 0.05
    [ -d shop ] || exit 0
    printf 'def quote(order):\n    return {}\n' > shop/price.py
    echo 'quote = None' > worker.py
  done
) > /dev/null 2>&1 &
