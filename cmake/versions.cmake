# Versions of what does not come from Debian; deploy/install-deps.sh reads them from here.
set(SDA_ARROW_VERSION 26.0.1)
set(SDA_BUF_VERSION 1.75.0)
