#: title = "honest: other names"
#: verdict = "discard"
#: layer = "statistics"
sed -i 's/total/result/g' task/report.py
