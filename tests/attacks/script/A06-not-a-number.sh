#: title = "has the metric come out as NaN"
#: verdict = "crash"
#: layer = "protocol"
sed -i 's/return numbers, steps, swaps/return numbers, float("nan"), swaps/' count/sort.py
