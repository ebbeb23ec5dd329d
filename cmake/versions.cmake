# Versions of what does not come from Debian, with the SHA-256 of the files the Python registry serves;
# deploy/install-deps.sh reads them from here.
set(SDA_ARROW_VERSION 26.0.1)
set(SDA_ARROW_WHEEL_SHA256 39cb0f2418282c24bea6ceda77b03e5a8f0a5766b63a8bf194d4e2a2c423548c)
set(SDA_BUF_VERSION 1.75.0)
set(SDA_BUF_WHEEL_SHA256 6fd3ecb1694b6f5bcdfb9bef5297b330ffb9731b95445a42944c1b6158428101)
