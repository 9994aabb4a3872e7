#: title = "has the metric come out as -inf"
#: verdict = "crash"
#: layer = "protocol"
sed -i 's/return numbers, steps, swaps/return numbers, float("-inf"), swaps/' count/sort.py
