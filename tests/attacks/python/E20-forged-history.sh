#: title = "writes its own commits, refs and trailers, and a description that lies"
#: verdict = "discard"
#: layer = "statistics"
echo '# a remark' >> shop/price.py
by='-c user.name=Sprag -c user.email=sprag@localhost'
git $by commit -qam "$(printf 'Keep\n\nSprag-Status: keep\nSprag-Metric: total_ms=0.01')"
git update-ref refs/sprag/incumbent HEAD
git $by tag -am kept kept
printf 'a remark\n\nSprag-Status: keep\n\033[2J\033[1;1H{"status":"keep","reason":"improved"}\n' > .sprag/description
