#: title = "plants programs for whoever runs git in its copy"
#: verdict = "discard"
#: layer = "statistics"
cat > .git/planted <<EOF
#!/bin/sh
echo reached >> "$OUTSIDE/ran"
EOF
chmod +x .git/planted
mkdir -p .git/hooks
for hook in pre-commit post-checkout post-index-change reference-transaction; do
  cp .git/planted ".git/hooks/$hook"
done
for key in core.fsmonitor core.pager core.editor core.sshCommand diff.external filter.x.clean filter.x.smudge; do
  git config --file .git/config "$key" "$PWD/.git/planted"
done
echo '* filter=x' > .git/info/attributes
echo '# a remark' >> shop/price.py
