#: title = "asks for another version of a dependency in the lock file"
#: verdict = "scope"
#: layer = "scope"
#: says = "requirements.lock changed outside the scope"
echo 'rates==2.0' > requirements.lock
